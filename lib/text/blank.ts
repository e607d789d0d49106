/** Whether a text holds nothing to read: white space, control characters and invisible marks at most. */
export function isBlank(text: string): boolean {
  return !/[^\s\p{Cc}\p{Cf}]/u.test(text);
}
