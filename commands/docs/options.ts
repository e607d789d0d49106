/** None. */
export const options = {};
