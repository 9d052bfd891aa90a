import { Route, Switch } from "wouter";
import { NotFound } from "./pages/NotFound";
import { Plans } from "./pages/Plans";
import { Shell } from "./shell/Shell";

export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/">
          <Plans />
        </Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </Shell>
  );
}
