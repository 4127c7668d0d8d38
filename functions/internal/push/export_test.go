package push

// General reads a body as encoding/json alone does.
func General(media string, data []byte) ([]Found, error) {
	switch media {
	case mediaStructured:
		return generalEvent(data)
	case mediaBatch:
		return generalEvents(data)
	default:
		return generalBody(data)
	}
}

// Plain reads a body as far as no general reader is needed.
func Plain(media string, data []byte) ([]Found, bool) {
	switch media {
	case mediaBatch:
		return plainEvents(data)
	case mediaStructured:
		f, ok := plainEvent(data)
		return []Found{f}, ok
	default:
		f, ok := plainBody(data)
		return []Found{f}, ok
	}
}
