package scoring

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// Golden vectors prove leaves and thresholds one at a time, within a tolerance. Leaves of different trees that are met
// together may move against each other, and no vector's score tells; the counts of rows, by which contributions are
// weighted, have the same freedom. So golden.json carries a digest of all trees at once, from LightGBM's own reading of
// them, and the trees that this package has read must have the same: models/src/sentinela_models/digest.py says which
// bytes are hashed.

// far is where LightGBM's dump, from which the exporter digests, ends a threshold.
const far = 1e300

// digestTrees is the sha256 of the trees, in lower-case hexadecimal. They have been proved sound.
func digestTrees(trees []*tree) string {
	sum := sha256.New()
	var buffer []byte
	for _, t := range trees {
		root := 0
		if len(t.feature) == 0 {
			root = -1
		}
		buffer = t.appendDigested(buffer[:0], root)
		_, _ = sum.Write(buffer) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// appendDigested appends what is hashed of the tree from a split, or leaf ^ref, down.
func (t *tree) appendDigested(b []byte, ref int) []byte {
	order := binary.BigEndian
	if ref < 0 {
		rows := t.count[^ref]
		if len(t.feature) == 0 {
			rows = 0
		}
		b = order.AppendUint64(append(b, 2), unsignedZero(t.value[^ref]))
		return order.AppendUint64(b, uint64(rows))
	}
	b = order.AppendUint32(append(b, 1), uint32(t.feature[ref]))
	b = order.AppendUint64(b, unsignedZero(min(max(t.threshold[ref], -far), far)))
	b = append(b, byte(t.decision[ref]>>missingShift), byte(t.decision[ref]&defaultLeftBit/defaultLeftBit))
	b = order.AppendUint64(b, uint64(t.splits[ref]))
	return t.appendDigested(t.appendDigested(b, t.left[ref]), t.right[ref])
}

// unsignedZero is the bits of a number; JSON's zero has no sign.
func unsignedZero(v float64) uint64 {
	if v == 0 {
		return 0
	}
	return math.Float64bits(v)
}

// suspect adds to what the proof says that the trees are other ones altogether.
func (g *golden) suspect(f *forest, err error) error {
	if g.TreesSHA256 == "" || g.TreesSHA256 == f.digest {
		return err
	}
	return fmt.Errorf("%w; the trees have another digest too: golden.json is of another model, or model.txt was changed", err)
}

// checkTrees wants the trees that the exporter saw.
func (g *golden) checkTrees(f *forest) error {
	switch g.TreesSHA256 {
	case f.digest:
		return nil
	case "":
		return errors.New("golden.json has no trees_sha256: the exporter is older than the scorer")
	default:
		return errors.New("the trees of model.txt are not those that the exporter saw: trees_sha256 differs")
	}
}
