package pix

// Optional is a value that may be absent. It is a plain struct rather than a pointer so that decoding a payment and
// building its vector allocate nothing for it. Absent is a value of its own and never reads as zero by accident:
// callers ask Get.
type Optional[T any] struct {
	value T
	set   bool
}

// Some returns a present value.
func Some[T any](v T) Optional[T] { return Optional[T]{value: v, set: true} }

// Get returns the value and whether it is present.
func (o Optional[T]) Get() (T, bool) { return o.value, o.set }

// Or returns the value, or fallback when it is absent.
func (o Optional[T]) Or(fallback T) T {
	if o.set {
		return o.value
	}
	return fallback
}
