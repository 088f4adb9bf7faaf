/** Is this error's text about a key that is missing or wrong? */
export function aboutKeys(message: string): boolean {
  return /api[-_ ]?key|credentials/i.test(message);
}
