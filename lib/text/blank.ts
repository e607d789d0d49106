/**
 * Whether a text holds nothing to read: white space, control characters, marks without a letter, what fonts leave blank, and what is
 * left of characters that were lost.
 */
export function isBlank(text: string): boolean {
  return !/[^\s\p{Cc}\p{Cf}\p{Cs}\p{M}\p{Default_Ignorable_Code_Point}\u2800\ufffd]/u.test(text);
}
