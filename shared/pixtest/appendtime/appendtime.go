// Package appendtime makes kfake stamp records, which it does not do by itself.
package appendtime

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Offsets in a batch, and the flag of a batch that the broker stamped.
const (
	crc, body, attributes, first, last = 17, 21, 22, 27, 35
	stamped                            = 0x08
)

// Stamp makes the cluster stamp what is produced, as a broker does for a topic with LogAppendTime.
func Stamp(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				p.Records[attributes] |= stamped
				for _, at := range []int{first, last} { // kfake writes them once more
					binary.BigEndian.PutUint64(p.Records[at:], uint64(time.Now().UnixMilli()))
				}
				seal(p.Records)
			}
		}
		return nil, nil, false
	})
}

// seal writes the checksum of a batch that was stamped.
func seal(batch []byte) {
	if batch[attributes]&stamped != 0 {
		binary.BigEndian.PutUint32(batch[crc:], crc32.Checksum(batch[body:], crc32.MakeTable(crc32.Castagnoli)))
	}
}
