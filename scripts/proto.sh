#!/bin/sh
# Work on the wire format: proto.sh lint | breaking | generate | check | image
#
# lint      the style of the .proto files
# breaking  the .proto files against the committed image: only additive change passes
# generate  write shared/event/pixv1
# check     fail when shared/event/pixv1 is not what generate would write
# image     accept the present .proto files as the contract that breaking compares with
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
proto=$root/shared/event/proto
modfile=$root/scripts/tools/proto/go.mod

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT INT TERM

buf() { (cd "$root" && go tool -modfile="$modfile" buf "$@"); }

plugin() {
	(cd "$root" && go build -modfile="$modfile" -o "$tools/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go)
	PATH=$tools:$PATH
	export PATH
}

case "${1-}" in
lint) buf lint "$proto" ;;
breaking) buf breaking "$proto" --against "$proto/pix.v1.binpb" ;;
image) buf build "$proto" -o "$proto/pix.v1.binpb" ;;
generate)
	plugin
	buf generate "$proto" --template "$proto/buf.gen.yaml" -o "$root/shared/event/proto"
	;;
check)
	plugin
	mkdir -p "$tools/out/proto"
	buf generate "$proto" --template "$proto/buf.gen.yaml" -o "$tools/out/proto"
	diff -ru "$root/shared/event/pixv1" "$tools/out/pixv1" || {
		echo "shared/event/pixv1 differs from the .proto files: run scripts/proto.sh generate" >&2
		exit 1
	}
	;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
