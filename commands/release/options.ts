/** It takes arguments alone. */
export const options = {};
