/** The time, for all that ages on the screen. Stands still while nobody looks. */
class Clock {
  now = $state(Date.now());
  #stop = () => {};

  /** Begins to tick, if it doesn't yet. */
  start() {
    this.stop();
    const look = () => {
      if (!document.hidden) this.now = Date.now();
    };
    const timer = setInterval(look, 1000);
    document.addEventListener("visibilitychange", look);
    this.#stop = () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }

  /** Ticks no more: else it would outlive the window that it ticks for. */
  stop() {
    this.#stop();
  }
}

export const clock = new Clock();
