#!/usr/bin/env bash
# Puts a file into a comment of a pull request, in place of what the same title said before.
# usage: comment.sh PULL_REQUEST TITLE FILE
set -euo pipefail
pull_request=$1 title=$2 file=$3
most=60000 # bytes, below the characters that a comment may have, with room for what stands around it
body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
  printf '<!-- %s -->\n### %s\n\n```\n' "$title" "$title"
  head -c "$most" "$file"
  printf '\n```\n'
  [ "$(wc -c <"$file")" -le "$most" ] || printf 'Cut after %d bytes; the job has the rest.\n' "$most"
} >"$body"
comment=$(gh api "repos/{owner}/{repo}/issues/$pull_request/comments" --paginate --jq ".[] | select(.body | startswith(\"<!-- $title -->\")) | .id" | sed -n 1p)
if [ -n "$comment" ]; then
  gh api --method PATCH "repos/{owner}/{repo}/issues/comments/$comment" -F "body=@$body" >/dev/null
else
  gh pr comment "$pull_request" --body-file "$body"
fi
