"""Python's watchdog on a folder: one line for each of its events about a file. Arguments: the folder."""

import sys
import time

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer


class Printer(FileSystemEventHandler):
    def on_any_event(self, event):
        if event.is_directory:
            return
        print(event.event_type, event.src_path, sep="\t", flush=True)
        if event.event_type == "moved":
            print("moved-to", event.dest_path, sep="\t", flush=True)


observer = Observer()
observer.schedule(Printer(), sys.argv[1], recursive=True)
observer.start()
print("ready", flush=True)
while True:
    time.sleep(60)
