// Package gcs starts the Cloud Storage fake for pixtest.
package gcs
