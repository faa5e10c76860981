// Signs in by the product's own sign-in, then shows GraphiQL over the session's cookie. Loads nothing from elsewhere.
"use strict";

const endpoint = document.body.dataset.endpoint;
const api = document.body.dataset.api;
const own = { "x-steward-request": "graphiql", "content-type": "application/json" };
const form = document.getElementById("sign-in");
const said = document.getElementById("said");
let challenge = null;

function show(name, visible) {
  document.getElementById(name).hidden = !visible;
}

async function ask(path, body) {
  const answer = await fetch(api + path, {
    method: body === undefined ? "GET" : "POST",
    headers: own,
    credentials: "same-origin",
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const told = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(told.title || String(answer.status));
  return told;
}

async function* lines(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let kept = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      kept += decoder.decode(value, { stream: true });
      const events = kept.split("\n\n");
      kept = events.pop();
      yield* events;
    }
  } finally {
    reader.cancel();
  }
}

async function* subscribed(parameters, headers) {
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { ...own, ...headers, accept: "text/event-stream" },
    credentials: "same-origin",
    body: JSON.stringify(parameters),
  });
  if (!answer.headers.get("content-type").startsWith("text/event-stream")) {
    yield await answer.json();
    return;
  }
  for await (const event of lines(answer.body)) {
    const data = event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
    if (event.startsWith("event: next")) yield JSON.parse(data);
    if (event.startsWith("event: complete")) return;
  }
}

function isSubscription(parameters, document) {
  const operations = ((document && document.definitions) || []).filter((one) => one.kind === "OperationDefinition");
  const asked = operations.find((one) => !parameters.operationName || one.name?.value === parameters.operationName);
  return asked ? asked.operation === "subscription" : false;
}

async function fetched(parameters, options) {
  const headers = (options && options.headers) || {};
  if (isSubscription(parameters, options && options.documentAST)) return subscribed(parameters, headers);
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { accept: "application/graphql-response+json, application/json;q=0.9", ...own, ...headers },
    credentials: "same-origin",
    body: JSON.stringify(parameters),
  });
  if (answer.status === 401) {
    signedOut();
  }
  return answer.json();
}

const EXAMPLE = `# 管家 GraphQL：左侧为接口文档。The documentation is on the left.
{
  me {
    id
    name
  }
}
`;
let root = null;

function signedIn(me) {
  show("sign-in", false);
  show("bar", true);
  show("graphiql", true);
  document.getElementById("who").textContent = [me.name, me.tenant && me.tenant.name].filter(Boolean).join(" · ");
  root = ReactDOM.createRoot(document.getElementById("graphiql"));
  root.render(
    React.createElement(GraphiQL, {
      fetcher: fetched,
      defaultQuery: EXAMPLE,
      shouldPersistHeaders: false,
      isHeadersEditorEnabled: true,
    }),
  );
}

function signedOut() {
  if (root) root.unmount();
  root = null;
  challenge = null;
  form.elements.login.required = form.elements.password.required = true;
  show("with-password", true);
  show("with-code", false);
  show("bar", false);
  show("graphiql", false);
  show("sign-in", true);
}

async function goOn(outcome) {
  if (outcome.status === "signed_in") {
    form.reset();
    said.textContent = "";
    signedIn(await ask("/me"));
  } else if (outcome.status === "tenant_required") {
    said.textContent = "请填写租户 Give the tenant: " + outcome.tenants.map((one) => one.key).join(", ");
  } else if (outcome.status === "second_factor_required") {
    challenge = outcome.challenge;
    show("with-password", false);
    show("with-code", true);
    form.elements.login.required = form.elements.password.required = false;
  } else {
    said.textContent = "请先在产品页面完成登录步骤。Finish signing in on the product's own pages first.";
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.textContent = "";
  const given = form.elements;
  try {
    if (challenge) {
      await goOn(await ask("/sign-in/second-factor", { challenge, code: given.code.value }));
    } else {
      const body = { login: given.login.value, password: given.password.value };
      if (given.tenant.value) body.tenant = given.tenant.value;
      await goOn(await ask("/sign-in", body));
    }
  } catch (error) {
    said.textContent = error.message;
  }
});

document.getElementById("sign-out").addEventListener("click", async () => {
  try {
    await ask("/sign-out", {});
  } finally {
    signedOut();
  }
});

ask("/me").then(signedIn, signedOut);
