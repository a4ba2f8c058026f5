// oauth4webapi at a running Mandate: the same by hand, with every check that its functions make of an answer.
import * as oauth from "oauth4webapi"
import { ask, say, settings, tell } from "./talk.mjs"

const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(settings.issuer)
const client = { client_id: settings.client_id }

async function server() {
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...plain, algorithm: "oauth2" }))
}

/** The server that the metadata of a resource name (RFC 9728), whose own metadata must say the same. */
async function serverOf(resource) {
  const at = new URL(resource)
  const found = await oauth.processResourceDiscoveryResponse(at, await oauth.resourceDiscoveryRequest(at, plain))
  const named = new URL(found.authorization_servers[0])
  const answer = await oauth.discoveryRequest(named, { ...plain, algorithm: "oauth2" })
  return { found, as: await oauth.processDiscoveryResponse(named, answer) }
}

const proof = () => (settings.key ? oauth.ClientSecretBasic(settings.key) : oauth.None())

async function codeGrant(as, { DPoP, tamper = (url) => url } = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const asked = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: settings.redirect_uri,
    response_type: "code",
    scope: settings.scope,
    resource: settings.resource,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(settings.more ?? {}),
  })
  const url = new URL(as.authorization_endpoint)
  if (settings.push) {
    const pushed = await oauth.pushedAuthorizationRequest(as, client, proof(), asked, { ...plain, DPoP })
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, pushed)
    url.search = new URLSearchParams({ client_id: client.client_id, request_uri })
  } else {
    url.search = asked
  }
  const back = tamper(new URL(await ask({ open: url.href })))
  const parameters = oauth.validateAuthResponse(as, client, back, state)
  const answer = await oauth.authorizationCodeGrantRequest(
    as, client, proof(), parameters, settings.redirect_uri, verifier,
    { ...plain, DPoP, additionalParameters: { resource: settings.resource } },
  )
  return oauth.processAuthorizationCodeResponse(as, client, answer)
}

await tell({
  async codeAndAll() {
    const as = await server()
    const first = await codeGrant(as)
    const refreshed = await oauth.refreshTokenGrantRequest(as, client, proof(), first.refresh_token, plain)
    const second = await oauth.processRefreshTokenResponse(as, client, refreshed)
    const resource = { client_id: settings.resource_id }
    const look = async (token) => oauth.processIntrospectionResponse(
      as, resource,
      await oauth.introspectionRequest(as, resource, oauth.ClientSecretBasic(settings.resource_key), token, plain),
    )
    const before = await look(second.access_token)
    const given = await oauth.revocationRequest(as, client, proof(), second.refresh_token, plain)
    await oauth.processRevocationResponse(given)
    say({ first, second, before, after: await look(second.access_token) })
  },

  async checksTheIssuer() {
    const as = await server()
    await codeGrant(as, { tamper: (url) => (url.searchParams.set("iss", "https://elsewhere.example"), url) })
  },

  async missesTheIssuer() {
    const as = await server()
    await codeGrant(as, { tamper: (url) => (url.searchParams.delete("iss"), url) })
  },

  async resourceFirst() {
    const { found, as } = await serverOf(settings.resource)
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"))
    const tokens = await codeGrant(as, { DPoP })
    const answer = await oauth.protectedResourceRequest(
      tokens.access_token, "GET", new URL(settings.api), undefined, undefined, { ...plain, DPoP },
    )
    say({ issuer: as.issuer, resource: found.resource, token_type: tokens.token_type, status: answer.status })
  },

  async jwtAccessToken() {
    const as = await server()
    const asked = new URLSearchParams({ scope: settings.scope, resource: settings.resource })
    const answer = await oauth.clientCredentialsGrantRequest(as, client, proof(), asked, plain)
    const tokens = await oauth.processClientCredentialsResponse(as, client, answer)
    const request = new Request(settings.resource, { headers: { authorization: `Bearer ${tokens.access_token}` } })
    say(await oauth.validateJwtAccessToken(as, request, settings.resource, plain))
  },
})
