/** The target could not be checked: it did not answer, or it does not exist. */
export class Unchecked extends Error {}
