"""Trains LightGBM models on vectors as they were served and exports artefacts that Sentinela's scorer can prove.

The package reads what `pixctl vectors` writes and writes what shared/scoring loads: model.txt, manifest.json and
golden.json. It computes no feature of its own, so training cannot differ from serving.
"""
