// Command deploy brings the images that `make push-images` pushed into an environment. The functions get a share of the traffic
// first, are watched, and then get more; the scorer and the bridge follow; pixctl doctor has the last word. What fails or is
// interrupted after traffic has moved brings back what served before, and the exit code is 1.
//
// What served before is written down before anything moves, so that `deploy -back` can take back what a killed deployment left.
package main
