/** The time, for all that ages on the screen. Stands still while nobody looks. */
class Clock {
  now = $state(Date.now());

  start() {
    setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, 1000);
    document.addEventListener("visibilitychange", () => (this.now = Date.now()));
  }
}

export const clock = new Clock();
