/** This command has no options. */
export const options = {};
