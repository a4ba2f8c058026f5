// The MCP TypeScript SDK, version 1 (@modelcontextprotocol/sdk) and 2 (@modelcontextprotocol/client), at an MCP server that
// Mandate protects. It knows the address of that server, and maybe its own client id.
import { ask, hear, say, settings, tell } from "./talk.mjs"

const second = settings.version === 2
const sdk = second
  ? await import("@modelcontextprotocol/client")
  : {
      ...(await import("@modelcontextprotocol/sdk/client/index.js")),
      ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
      ...(await import("@modelcontextprotocol/sdk/client/auth.js")),
      ...(await import("@modelcontextprotocol/sdk/client/auth-extensions.js")),
    }
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = sdk

/** Keeps for one installation what the SDK gets. */
class Keeper {
  redirectUrl = settings.redirect_uri
  clientMetadataUrl = settings.metadata_url
  clientMetadata = {
    client_name: "Ward Chat",
    redirect_uris: [settings.redirect_uri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: settings.client?.token_endpoint_auth_method ?? "none",
  }
  kept = { client: settings.client }

  state = () => (this.kept.state = crypto.randomUUID())
  clientInformation = () => this.kept.client
  saveClientInformation = (client) => void (this.kept.client = client)
  // What docs/how-to tell those to do who stay with version 1: it would answer insufficient_scope with a refresh.
  tokens = () => (settings.careful && this.more ? { ...this.kept.tokens, refresh_token: undefined } : this.kept.tokens)
  saveTokens = (tokens) => void (this.kept.tokens = tokens)
  codeVerifier = () => this.kept.verifier
  saveCodeVerifier = (verifier) => void (this.kept.verifier = verifier)
  discoveryState = () => this.kept.discovery
  saveDiscoveryState = (state) => void (this.kept.discovery = state)
  redirectToAuthorization = (url) => void (this.address = url.href)
}

const keeper = new Keeper()
const noting = async (url, init) => {
  const answer = await fetch(url, init)
  keeper.more = answer.status === 403
  return answer
}
const options = { authProvider: keeper, ...(settings.careful ? { fetch: noting } : {}) }
const open = () => new StreamableHTTPClientTransport(new URL(settings.server), options)

/** Try; where a person has to allow it first, send them, come back with the code, and try once more. */
async function withAPerson(transport, attempt, again = attempt) {
  try {
    return await attempt()
  } catch (problem) {
    if (!(problem instanceof UnauthorizedError)) throw problem
    const { searchParams } = new URL(await ask({ open: keeper.address }))
    if (searchParams.get("state") !== keeper.kept.state) throw new Error("not the answer to this request")
    await transport.finishAuth(second ? searchParams : searchParams.get("code"))
    return again()
  }
}

async function connected() {
  const client = new Client({ name: "ward-chat", version: "1.0.0" })
  let transport = open()
  await withAPerson(transport, () => client.connect(transport), () => client.connect((transport = open())))
  return { client, call: (name, args) => withAPerson(transport, () => client.callTool({ name, arguments: args })) }
}

/** The provider of an agent without a person at hand. */
function provider() {
  const { client_id: clientId, client_secret: clientSecret, pem: privateKey } = settings.client
  const common = { clientId, expectedIssuer: settings.issuer, scope: settings.scope }
  switch (settings.proof) {
    case "key":
      return new sdk.PrivateKeyJwtProvider({ ...common, privateKey, algorithm: "ES256" })
    case "assertion": {
      const assertion = async (context) =>
        (await ask({ audience: context.authorizationServerUrl, resource: context.resourceUrl })).assertion
      return new sdk.CrossAppAccessProvider({ ...common, clientSecret, assertion })
    }
    default:
      return new sdk.ClientCredentialsProvider({ ...common, clientSecret })
  }
}

const text = (answer) => answer.structuredContent?.result ?? answer.content?.[0]?.text

await tell({
  async calls() {
    const { client, call } = await connected()
    for (const [name, args] of settings.calls) {
      say({ answer: text(await call(name, args)), scope: keeper.kept.tokens.scope, client: keeper.kept.client.client_id })
      await hear()
    }
    await client.close()
    say({ done: true })
  },

  async alone() {
    const client = new Client({ name: "ward-chat", version: "1.0.0" })
    await client.connect(new StreamableHTTPClientTransport(new URL(settings.server), { authProvider: provider() }))
    for (const [name, args] of settings.calls) say({ answer: text(await client.callTool({ name, arguments: args })) })
    await client.close()
  },
})
