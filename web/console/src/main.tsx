/** The page: who is signed in, which part is shown, dark or light. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Chain } from "./chain.tsx";
import { Chat } from "./chat.tsx";
import { Cutover } from "./cutover.tsx";
import { length } from "./format.ts";
import { Health } from "./health.tsx";
import { credential, credentialOf, expiryOf, refusal, signIn, signOut } from "./session.ts";
import { Streams } from "./streams.tsx";
import { theme, type Theme } from "./theme.ts";
import { Badge, Card, Field, Trouble } from "./ui.tsx";

const PAGES = ["streams", "health", "chat", "chain", "cutover"] as const;
/** How long before its end a token is told of, in milliseconds. */
const TOLD_BEFORE_MS = 120_000;

function App() {
  const [place, setPlace] = useState(placeOf());
  useEffect(() => {
    const look = () => setPlace(placeOf());
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  const who = credential.value;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>Skip to the content</a>
      <header class="top">
        <h1><img src="/console/icon.svg" alt="" width="20" height="20" /> Tidegate</h1>
        {who && <nav aria-label="Pages">{PAGES.map((page) => <a key={page} href={`#/${page}`} aria-current={place.page === page ? "page" : undefined}>{page[0]?.toUpperCase() + page.slice(1)}</a>)}</nav>}
        <div class="who">
          <Expiry />
          <label class="check">Theme{" "}
            <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
              <option value="auto">as the system</option><option value="light">light</option><option value="dark">dark</option>
            </select>
          </label>
          {who && <button type="button" onClick={() => signOut()}>Sign out</button>}
        </div>
      </header>
      <main id="main" tabIndex={-1}>{who ? <Page key={who.secret} page={place.page} id={place.id} /> : <SignIn />}</main>
    </>
  );
}

function Page({ page, id }: { page: string; id: string | undefined }) {
  switch (page) {
    case "health": return <Health />;
    case "chat": return <Chat />;
    case "chain": return <Chain />;
    case "cutover": return <Cutover id={id} />;
    default: return <Streams />;
  }
}

function placeOf(): { page: string; id: string | undefined } {
  const [, page = "", id] = location.hash.split("/");
  return { page: (PAGES as readonly string[]).includes(page) ? page : "streams", id: id ? decoded(id) : undefined };
}

/** An address that somebody cut may not be decodable: it is a name then, of nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function SignIn() {
  const [text, setText] = useState("");
  const [isKept, setKept] = useState(false);
  return (
    <div class="page signin">
      <Card title="Sign in">
        <Trouble text={refusal.value} />
        <form onSubmit={(event) => (event.preventDefault(), signIn(credentialOf(text), isKept))}>
          <Field label="API key or token" hint="It goes to this server alone. A server without credentials prints its key at the start.">{(id) => (
            <input id={id} type="password" value={text} required autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
          )}</Field>
          <label class="check"><input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} /> Keep it until this tab is closed</label>
          <button type="submit">Sign in</button>
        </form>
      </Card>
    </div>
  );
}

/** Tells of a token that ends soon. */
function Expiry() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  const end = expiryOf(credential.value);
  if (end === undefined || end - now > TOLD_BEFORE_MS) return null;
  return <Badge tone="warn">{end > now ? `the token ends in ${length(end - now)}` : "the token ended by this browser's clock"}</Badge>;
}

const root = document.getElementById("app");
if (root) render(<App />, root);
