// Package appendtime makes kfake stamp records, which it does not do by itself.
package appendtime

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Stamp makes the cluster stamp what is produced, as a broker does for a topic with LogAppendTime.
func Stamp(cluster *kfake.Cluster) {
	const crc, body, attributes, first, last, appendTime = 17, 21, 22, 27, 35, 0x08 // offsets in a batch; the flag
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				p.Records[attributes] |= appendTime
				for _, at := range []int{first, last} { // kfake writes them too, but not the checksum
					binary.BigEndian.PutUint64(p.Records[at:], uint64(time.Now().UnixMilli()))
				}
				binary.BigEndian.PutUint32(p.Records[crc:], crc32.Checksum(p.Records[body:], crc32.MakeTable(crc32.Castagnoli)))
			}
		}
		return nil, nil, false
	})
}
