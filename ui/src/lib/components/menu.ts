/** One entry of a menu. */
export type MenuItem = {
  label: string;
  choose: () => void;
  /** The key that does the same without the menu. */
  key?: string;
  disabled?: boolean;
  danger?: boolean;
  /** Whether a line sets it apart from those above. */
  apart?: boolean;
};
