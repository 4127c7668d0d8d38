package pix

// EndToEndID names one payment: "E" + 8 ISPB + yyyyMMddHHmm in UTC + 11 [a-zA-Z0-9], case-sensitive, 32 characters.
// Its time is never the event's time: scheduled payments often carry 15:00.
type EndToEndID string

// ISPB identifies an institution: eight characters [0-9A-Z].
type ISPB string
