/** How a person reads conflicts: the same for each, as long as the window lives. */
export const reading = $state<{ view: "sides" | "unified" }>({ view: "sides" });
