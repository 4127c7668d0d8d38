package scoring

// Names of the files that every artefact has.
const (
	ModelFile    = "model.txt"
	ManifestFile = "manifest.json"
	GoldenFile   = "golden.json"
)

// Limits bounds what Load accepts, so that a hostile or broken artefact costs bounded time and memory.
type Limits struct {
	ModelBytes    int64 // size of model.txt
	ManifestBytes int64 // size of manifest.json
	GoldenBytes   int64 // size of golden.json
	Features      int   // width of a vector
	Trees         int   // trees in the model
	Leaves        int   // leaves in one tree
	Depth         int   // splits between the root and the deepest leaf of one tree
	MinGoldenRows int   // fewer golden vectors prove too little
	MaxGoldenRows int   // more would make loading slow
	Contributions int   // golden vectors with contributions: explaining costs a hundred times what scoring does
	// ProofSteps bounds the work of the proof, and so its time without a clock: splits walked by the three readers and
	// points evaluated by explanations. A step takes a few nanoseconds, and some twenty in a model that is far larger
	// than the caches: seconds for the most that DefaultLimits allows.
	ProofSteps int64
}

// DefaultLimits fits every model that the 300 ms budget of a payment could serve, with room to spare.
func DefaultLimits() Limits {
	return Limits{
		ModelBytes:    16 << 20,
		ManifestBytes: 1 << 20,
		GoldenBytes:   16 << 20,
		Features:      2048,
		Trees:         4096,
		Leaves:        4096,
		Depth:         256,
		MinGoldenRows: 1000,
		MaxGoldenRows: 5000,
		Contributions: 256,
		ProofSteps:    1 << 28,
	}
}
