/**
 * Smaller differences of two scores are noise: in int8 a score is off by about .02 (the root mean square against fp32), so a difference by
 * .03, and .05 is 1.6 times that.
 */
export const noiseFloor = 0.05;
