/** It has none. */
export const options = {};
