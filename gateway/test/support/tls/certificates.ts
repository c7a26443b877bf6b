import { readFileSync } from "node:fs";
import { join } from "node:path";

/*
 * Certificates of tests only, valid from 2020 to 2120. The keys of the authorities were thrown away, so that a new certificate
 * means making all of them again:
 *
 *     for name in ca stranger-ca key; do openssl ecparam -name prime256v1 -genkey -noout -out $name.key; done
 *     printf '%s\n' '[ca]' 'default_ca = any' '[any]' 'database = index.txt' 'serial = serial.txt' 'new_certs_dir = .' \
 *       'default_md = sha256' 'policy = names' 'copy_extensions = copy' 'unique_subject = no' \
 *       '[names]' 'commonName = supplied' '[req]' 'distinguished_name = names' > pki.cnf
 *     : > index.txt
 *     certificate() { # FILE KEY NAME EXTENSION UNTIL SIGNER...
 *       openssl req -new -config pki.cnf -key $2 -subj "/CN=$3" -addext "$4" -out request.pem
 *       openssl ca -batch -config pki.cnf -in request.pem -notext -create_serial \
 *         -startdate 20200101000000Z -enddate ${5}0101000000Z "${@:6}" -out $1
 *     }
 *     authority="basicConstraints=critical,CA:TRUE"
 *     certificate ca.pem ca.key "Test authority" $authority 2120 -selfsign -keyfile ca.key
 *     certificate stranger-ca.pem stranger-ca.key "Unknown authority" $authority 2120 -selfsign -keyfile stranger-ca.key
 *     certificate self-signed.pem key.key localhost subjectAltName=DNS:localhost 2120 -selfsign -keyfile key.key
 *     certificate localhost.pem key.key localhost subjectAltName=DNS:localhost 2120 -cert ca.pem -keyfile ca.key
 *     certificate address.pem key.key 127.0.0.1 subjectAltName=IP:127.0.0.1 2120 -cert ca.pem -keyfile ca.key
 *     certificate elsewhere.pem key.key elsewhere.invalid subjectAltName=DNS:elsewhere.invalid 2120 -cert ca.pem -keyfile ca.key
 *     certificate expired.pem key.key localhost subjectAltName=DNS:localhost 2021 -cert ca.pem -keyfile ca.key
 *     certificate stranger.pem key.key localhost subjectAltName=DNS:localhost 2120 -cert stranger-ca.pem -keyfile stranger-ca.key
 *     mv key.key key.pem
 */

export type CertificateName = "address" | "ca" | "elsewhere" | "expired" | "localhost" | "self-signed" | "stranger";

export const authorityFile = join(import.meta.dirname, "ca.pem");

export function certificate(name: CertificateName): string {
  return readFileSync(join(import.meta.dirname, `${name}.pem`), "utf8");
}

/** Of every certificate but the authority's. */
export function certificateKey(): string {
  return readFileSync(join(import.meta.dirname, "key.pem"), "utf8");
}
