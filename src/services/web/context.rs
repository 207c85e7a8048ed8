//! The web side as templates see it.

use minijinja::value::Serde;
use minijinja::{Value, context};
use qrcode::QrCode;
use qrcode::render::svg;
use sha2::{Digest, Sha256};

use super::clients::accesses;
use super::names::{WebPage, names};
use super::pacc::pacc;
use super::policy::policy;
use super::server;
use crate::services::certificate::{order_variables, settings_on};
use crate::services::context::Inputs;

/// Returns the variable; none where there is no web side.
pub(super) fn of(inputs: &Inputs) -> Value {
    let spec = &inputs.spec;
    if spec.services.web.is_none() {
        return Value::from(());
    }
    let web_server = server::of(&inputs.facts);
    let certificate = settings_on(spec, &inputs.facts);
    let mut order = None;
    let names: Vec<_> = names(spec)
        .into_iter()
        .filter_map(|name| {
            let (pair, of_name) = certificate.order_of(&name.name)?;
            order = Some(of_name);
            Some(context! {
                name => name.name,
                page => match name.page {
                    WebPage::MtaSts => "mta_sts",
                    WebPage::Autoconfig => "autoconfig",
                    WebPage::Pacc => "pacc",
                },
                certificate => pair.certificate.display().to_string(),
                key => pair.key.display().to_string(),
            })
        })
        .collect();
    let hostname = spec.hostname.value.as_str();
    context! {
        server => web_server.name,
        site => web_server.site,
        names => names,
        acme => order.as_ref().map(order_variables),
        mta_sts => policy(spec),
        pacc => pacc(spec),
        accesses => Value::from(Serde(accesses(&spec.services))),
        qr => qr(&format!("https://{hostname}/setup")),
        // One program takes another profile of the same name for the next version of it.
        uuids => [uuid(hostname, "profile"), uuid(hostname, "mail")],
    }
}

/// Returns a picture (SVG) of a text for the camera of a phone.
fn qr(text: &str) -> Option<String> {
    let picture = QrCode::new(text).ok()?.render::<svg::Color<'_>>().build();
    // In a page it is an element, and no document of its own.
    picture.find("<svg").map(|at| picture[at..].to_owned())
}

/// Returns an identifier (RFC 9562, 5.8) that stays the same for a host name.
fn uuid(hostname: &str, purpose: &str) -> String {
    let mut bytes = Sha256::digest(format!("mailprov {purpose} {hostname}"));
    // The version and the variant (RFC 9562, 4.1 and 4.2).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02X}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
