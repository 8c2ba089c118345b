import type { ApiError, AppAbout, AppEvent, AppPreferences, LogLine, Methods } from "./generated";

/** All that the window can ask for. Whatever is refused is thrown as an `ApiError`. */
export interface Backend {
  /** Hears all there is, and from then on what happens. */
  attach(hear: (event: AppEvent) => void): Promise<void>;
  /** Asks the engine, by the control API's own methods. */
  call<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["reply"]>;
  about(): Promise<AppAbout>;
  startEngine(): Promise<void>;
  /** Lets a person choose a folder; `null` where they don't. */
  chooseFolder(): Promise<Path | null>;
  /** Shows a share's folder in the system's file manager. */
  openFolder(share: string): Promise<void>;
  /** Opens a share's text file on the host in the program that the system has for text. */
  openInEditor(share: string, path: Path): Promise<void>;
  readLog(): Promise<LogLine[]>;
  /** Saves a bundle where a person says; `null` where they don't. */
  saveBundle(): Promise<Path | null>;
  readPreferences(): Promise<AppPreferences>;
  writePreferences(preferences: AppPreferences): Promise<void>;
  /** Quits; asks first, unless `force`, where running containers use shares. */
  quit(force: boolean): Promise<void>;
}

/** A path: a string where it is UTF-8, else its bytes with a text for showing. */
export type Path = string | { bytes: string; text?: string };

/** What was thrown, as the error it is; anything else is a defect of the window and says so. */
export function errorOf(thrown: unknown): ApiError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown) return thrown as ApiError;
  return { code: "internal", message: String(thrown), remedy: null };
}
