#!/bin/sh
# Work on the wire format: proto.sh lint | breaking | generate | check | image
#
# lint      the style of the .proto files
# breaking  the .proto files against the committed image: only additive change passes
# generate  write shared/event/pixv1, and the descriptor by which the lake reads messages
# check     fail when one of them is not what generate would write
# image     accept the present .proto files as the contract that breaking compares with
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
proto=$root/shared/event/proto
modfile=$root/scripts/tools/proto/go.mod

tools=$root/build/tools
descriptor=models/src/sentinela_lake/contract/pix.v1.binpb

# tool NAME PACKAGE builds a tool once for each version of the module file: buf takes minutes the first time.
tool() {
	[ "$tools/$1" -nt "$modfile" ] && return
	echo "building $1 (buf takes minutes the first time)" >&2
	(cd "$root" && go build -modfile="$modfile" -o "$tools/$1" "$2")
	touch "$tools/$1"
}

buf() {
	tool buf github.com/bufbuild/buf/cmd/buf
	(cd "$root" && PATH=$tools:$PATH "$tools/buf" "$@")
}

plugin() { tool protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go; }

case "${1-}" in
lint) buf lint "$proto" ;;
breaking) buf breaking "$proto" --against "$proto/pix.v1.binpb" ;;
image) buf build "$proto" -o "$proto/pix.v1.binpb" ;;
generate)
	plugin
	buf generate "$proto" --template "$proto/buf.gen.yaml" -o "$root/shared/event/proto"
	buf build "$proto" --exclude-source-info -o "$root/$descriptor"
	;;
check)
	plugin
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT INT TERM
	mkdir "$out/proto"
	buf generate "$proto" --template "$proto/buf.gen.yaml" -o "$out/proto"
	diff -ru "$root/shared/event/pixv1" "$out/pixv1" || {
		echo "shared/event/pixv1 differs from the .proto files: run scripts/proto.sh generate" >&2
		exit 1
	}
	buf build "$proto" --exclude-source-info -o "$out/descriptor.binpb"
	cmp "$root/$descriptor" "$out/descriptor.binpb" || {
		echo "$descriptor differs from the .proto files: run scripts/proto.sh generate" >&2
		exit 1
	}
	;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
