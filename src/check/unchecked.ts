/** Something of which nothing can be said: it did not answer, or it is not there. */
export class Unchecked extends Error {}
