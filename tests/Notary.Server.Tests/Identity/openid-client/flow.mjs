// The certified client openid-client against a running server, from discovery to revocation. What it checks of answers and tokens, it checks by itself;
// this script asks, plays the person's browser, and asserts what a client sees. Input: NOTARY_FLOW, a JSON object. The last line of the output is "ok".
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import * as client from "openid-client";

const { issuer, cookie, party, service, key, redirect } = JSON.parse(process.env.NOTARY_FLOW);
const pkcs8 = createPrivateKey(key).export({ type: "pkcs8", format: "der" });
const signingKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const loopback = { execute: [client.allowInsecureRequests] };

// Discovery at both addresses; private_key_jwt.
const config = await client.discovery(new URL(issuer), party, undefined, client.PrivateKeyJwt(signingKey), loopback);
const agency = await client.discovery(new URL(issuer), service, undefined, client.PrivateKeyJwt(signingKey), { ...loopback, algorithm: "oauth2" });
assert.equal(config.serverMetadata().issuer, issuer);
assert.equal(config.serverMetadata().supportsPKCE(), true);

// The browser: the consent page, its button, and the way back.
async function allow(url, decision) {
  const page = await fetch(url, { headers: { cookie }, redirect: "manual" });
  assert.equal(page.status, 200);
  const ticket = /name="ticket" value="([^"]+)"/.exec(await page.text())[1];
  const answer = await fetch(new URL("/connect/authorize", issuer), { method: "POST", headers: { cookie }, redirect: "manual", body: new URLSearchParams({ ticket, decision }) });
  assert.equal(answer.status, 303);
  return new URL(answer.headers.get("location"));
}

async function signIn(scope, decision = "allow", options = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  const parameters = { redirect_uri: redirect, scope, code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256", state: expectedState, nonce: expectedNonce };
  if (options.DPoP) {
    parameters.dpop_jkt = await options.DPoP.calculateThumbprint();
  }

  const back = await allow(client.buildAuthorizationUrl(config, parameters), decision);
  return { back, tokens: () => client.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }, undefined, options) };
}

const refused = error => thrown => { assert.equal(thrown.error, error); return true; };

// Code, PKCE, consent, id token, userinfo.
const first = await (await signIn("openid profile offline_access")).tokens();
const subject = first.claims().sub;
assert.ok(Array.isArray(first.claims().amr) && first.claims().auth_time > 0 && first.claims().acr);
const info = await client.fetchUserInfo(config, first.access_token, subject);
assert.equal(info.role, "citizen");

// Refused by the person; PKCE with another verifier; a code twice.
await assert.rejects((await signIn("openid", "refuse")).tokens(), refused("access_denied"));
const mixed = await signIn("openid");
await assert.rejects(client.authorizationCodeGrant(config, mixed.back, { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: mixed.back.searchParams.get("state"), expectedNonce: "x" }), refused("invalid_grant"));
const twice = await signIn("openid");
await twice.tokens();
await assert.rejects(twice.tokens(), refused("invalid_grant"));

// Refresh with rotation; the old one ends the family.
const second = await client.refreshTokenGrant(config, first.refresh_token);
assert.notEqual(second.refresh_token, first.refresh_token);
await client.fetchUserInfo(config, second.access_token, subject);
await assert.rejects(client.refreshTokenGrant(config, first.refresh_token), refused("invalid_grant"));
await assert.rejects(client.refreshTokenGrant(config, second.refresh_token), refused("invalid_grant"));

// Revocation.
const third = await (await signIn("openid offline_access")).tokens();
await client.tokenRevocation(config, third.refresh_token);
await assert.rejects(client.refreshTokenGrant(config, third.refresh_token), refused("invalid_grant"));
await assert.rejects(client.fetchUserInfo(config, third.access_token, subject));

// A service account for itself.
const own = await client.clientCredentialsGrant(agency, { scope: "deposit" });
assert.equal(own.token_type, "bearer");
const resource = new URL("/api/webhooks", issuer);
assert.equal((await client.fetchProtectedResource(agency, own.access_token, resource, "GET")).status, 200);

// DPoP: required for personal data, for a service account and for a person's authorization.
await assert.rejects(client.clientCredentialsGrant(agency, { scope: "deposit data.read" }), refused("invalid_dpop_proof"));
const DPoP = client.getDPoPHandle(agency, await client.randomDPoPKeyPair("ES256"));
const bound = await client.clientCredentialsGrant(agency, { scope: "deposit data.read" }, { DPoP });
assert.equal(bound.token_type, "dpop");
assert.equal((await client.fetchProtectedResource(agency, bound.access_token, resource, "GET", undefined, undefined, { DPoP })).status, 200);
await assert.rejects(client.fetchProtectedResource(agency, bound.access_token, resource, "GET"));
const keys = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
const data = await (await signIn("openid data.read offline_access", "allow", { DPoP: keys })).tokens();
assert.equal(data.token_type, "dpop");
await client.fetchUserInfo(config, data.access_token, subject, { DPoP: keys });
const more = await client.refreshTokenGrant(config, data.refresh_token, undefined, { DPoP: keys });
await client.fetchUserInfo(config, more.access_token, subject, { DPoP: keys });

console.log("ok");
