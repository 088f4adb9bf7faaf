/** The target could not be checked: it did not answer, or it is not there. */
export class Unchecked extends Error {}
