/** A text to try the page with, written for it. */
export const example = `The bridge at Harrow Ferry

For a hundred years, the only way across the river at Harrow Ferry was a flat wooden boat. The ferryman pulled it along a rope, and people waited on the bank in the rain. Children who lived on the far side came late to school whenever the water was high.

Then the town decided to build a bridge. Notwithstanding the considerable reservations that several members of the council had expressed concerning the financial obligations which such an undertaking would inevitably entail, construction was authorized in the spring of 1911. Men dug deep holes and filled them with stone. They worked from sunrise until dark.

When the last beam was in place, the whole town walked across together. A band played. The old ferryman walked in front, and he was smiling. His boat still lies in the grass below the bridge, where it has become the habitual repository of swallows’ nests and abandoned fishing paraphernalia.
`;
