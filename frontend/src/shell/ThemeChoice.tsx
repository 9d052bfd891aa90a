import { useState } from "react";
import { keep, show, stored, THEMES, type Theme } from "./theme";

const WORDS: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };

export function ThemeChoice() {
  const [theme, setTheme] = useState(stored);
  const choose = (theme: Theme) => {
    setTheme(theme);
    keep(theme);
    show(theme);
  };
  return (
    <fieldset className="theme">
      <legend className="seen-by-readers-only">Colours</legend>
      {THEMES.map((one) => (
        <label key={one}>
          <input type="radio" name="theme" checked={one === theme} onChange={() => choose(one)} />
          {WORDS[one]}
        </label>
      ))}
    </fieldset>
  );
}
