// openid-client 6 at a running Mandate: one story for each thing that it speaks. Configured from the metadata alone.
import * as client from "openid-client"
import { ask, hear, say, settings, tell } from "./talk.mjs"

const REDIRECT = settings.redirect_uri
const extra = settings.more ?? {}

async function proof() {
  switch (settings.auth) {
    case "client_secret_basic":
      return client.ClientSecretBasic(settings.key)
    case "client_secret_post":
      return client.ClientSecretPost(settings.key)
    case "private_key_jwt": {
      const der = Buffer.from(settings.pem.replace(/-----[^-]+-----|\s/g, ""), "base64")
      return client.PrivateKeyJwt(await crypto.subtle.importKey("pkcs8", der, settings.subtle, false, ["sign"]))
    }
    default:
      return client.None()
  }
}

const config = await client.discovery(new URL(settings.issuer), settings.client_id, undefined, await proof(), {
  algorithm: settings.algorithm ?? "oauth2",
  execute: [client.allowInsecureRequests],
})

/** Send a person to Mandate with these parameters, and redeem what they bring back. */
async function codeGrant({ push = false, options = undefined, more = {} } = {}) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const asked = {
    redirect_uri: REDIRECT,
    scope: settings.scope,
    resource: settings.resource,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...extra,
  }
  const url = push
    ? await client.buildAuthorizationUrlWithPAR(config, asked, options)
    : client.buildAuthorizationUrl(config, asked)
  const back = new URL(await ask({ open: url.href }))
  const checks = { pkceCodeVerifier: verifier, expectedState: state, ...more }
  return client.authorizationCodeGrant(config, back, checks, { resource: settings.resource }, options)
}

const about = ({ access_token, refresh_token, token_type, scope, authorization_details }) => ({
  access_token,
  refresh_token,
  token_type,
  scope,
  authorization_details,
})

async function bound() {
  return { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
}

await tell({
  async code() {
    const first = await codeGrant({ push: settings.push })
    const second = await client.refreshTokenGrant(config, first.refresh_token)
    say({ first: about(first), second: about(second) })
    await hear()
    await client.tokenRevocation(config, second.refresh_token)
    await client.refreshTokenGrant(config, second.refresh_token)
  },

  async codeWithDPoP() {
    const options = await bound()
    const first = await codeGrant({ push: settings.push, options })
    const second = await client.refreshTokenGrant(config, first.refresh_token, undefined, options)
    say({ first: about(first), second: about(second) })
    const answer = await client.fetchProtectedResource(
      config, second.access_token, new URL(settings.api), "GET", undefined, undefined, options,
    )
    say({ status: answer.status, body: await answer.json() })
    say(about(await client.refreshTokenGrant(config, second.refresh_token, undefined, await bound())))
  },

  async signIn() {
    const nonce = client.randomNonce()
    extra.nonce = nonce
    client.enableNonRepudiationChecks(config) // the signature too, though the token came over a line of its own
    const tokens = await codeGrant({ more: { expectedNonce: nonce, maxAge: 300, idTokenExpected: true } })
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
    say({ claims: tokens.claims(), renewed: renewed.claims(), scope: tokens.scope })
  },

  async details() {
    const first = await codeGrant({ push: true })
    const second = await client.refreshTokenGrant(config, first.refresh_token)
    say({ first: about(first), second: about(second) })
  },

  async clientCredentials() {
    const tokens = await client.clientCredentialsGrant(config, { scope: settings.scope, resource: settings.resource })
    say(about(tokens))
  },

  async clientCredentialsWithDPoP() {
    const options = await bound()
    const asked = { scope: settings.scope, resource: settings.resource }
    say(about(await client.clientCredentialsGrant(config, asked, options)))
  },

  async device() {
    const started = await client.initiateDeviceAuthorization(config, { scope: settings.scope, ...extra })
    await ask({ code: started.user_code, at: started.verification_uri })
    say(about(await client.pollDeviceAuthorizationGrant(config, started)))
  },

  async backchannel() {
    const asked = { scope: settings.scope, login_hint: settings.login_hint, binding_message: "W4SCT", ...extra }
    const started = await client.initiateBackchannelAuthentication(config, asked)
    await ask({ asked: started.auth_req_id })
    say(about(await client.pollBackchannelAuthenticationGrant(config, started)))
  },

  async exchange() {
    const tokens = await client.genericGrantRequest(
      config, "urn:ietf:params:oauth:grant-type:token-exchange", settings.exchange,
    )
    say({ ...about(tokens), issued_token_type: tokens.issued_token_type })
  },

  async register() {
    const registered = await client.dynamicClientRegistration(
      new URL(settings.issuer), settings.metadata, client.None(),
      { algorithm: "oauth2", execute: [client.allowInsecureRequests], initialAccessToken: settings.initial_token },
    )
    say(registered.clientMetadata())
  },
})
