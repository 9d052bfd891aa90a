import { Route, Switch } from "wouter";
import { NotFound } from "./pages/NotFound";
import { Plans } from "./pages/Plans";
import { Progress } from "./pages/Progress";
import { Start } from "./pages/Start";
import { Shell } from "./shell/Shell";

export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/">
          <Plans />
        </Route>
        <Route path="/start/:step?">{({ step }) => <Start step={step} />}</Route>
        <Route path="/requests/:id">{({ id }) => <Progress key={id} id={id} />}</Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </Shell>
  );
}
