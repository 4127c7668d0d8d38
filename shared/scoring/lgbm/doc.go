// Package lgbm wraps the leaves library, the reference reader of LightGBM text models, and is its only importer.
//
// leaves reads the text headers v2 and v3 only, panics or hangs on broken files, and scores random forests and linear
// trees wrongly without saying so. The caller must have checked the text with scoring's own parser first; this package
// rewrites a v4 header, which changed nothing that gbdt trees use, and turns a panic into an error.
package lgbm
