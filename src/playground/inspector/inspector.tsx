/** The panel "Under the hood". */
export function Inspector() {
  return <p class="quiet">Nothing to see yet.</p>;
}
