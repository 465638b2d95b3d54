//! What protects every page: headers, and that a form comes from a page of ours. Source: OWASP CSRF Prevention Cheat Sheet.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Carrier;

/// No script at all, styles of our own only, and nobody frames a page. A page may set a policy of its own.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// Refuses a form that another site sent, and sets the headers of every answer.
pub(super) async fn guard(
    State(carrier): State<Carrier>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if safe || is_from_here(request.headers(), carrier) {
        next.run(request).await
    } else {
        let text = "この端末の画面から送信されていないため、受け付けませんでした。";
        (StatusCode::FORBIDDEN, text).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A browser says where a form comes from by one of two headers; without either it is none that we know.
fn is_from_here(headers: &HeaderMap, carrier: Carrier) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text(HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    match (text(ORIGIN), text(HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://") == Some((carrier.scheme(), host)),
        (Some(_), None) => false,
        (None, _) => site.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_here(headers: &[(&'static str, &'static str)]) -> bool {
        is_from(headers, Carrier::Tls)
    }

    fn is_from(headers: &[(&'static str, &'static str)], carrier: Carrier) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        is_from_here(&headers.collect(), carrier)
    }

    #[test]
    fn a_form_of_another_site_or_of_nobody_is_refused() {
        let host = ("host", "127.0.0.1:8443");
        let own = ("origin", "https://127.0.0.1:8443");
        assert!(from_here(&[host, own]));
        assert!(from_here(&[host, own, ("sec-fetch-site", "same-origin")]));
        assert!(from_here(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(!from_here(&[host]));
        assert!(!from_here(&[host, ("origin", "null")]));
        assert!(!from_here(&[host, ("origin", "https://evil.example")]));
        assert!(!from_here(&[host, ("origin", "http://127.0.0.1:8443")]));
        assert!(!from_here(&[host, own, ("sec-fetch-site", "cross-site")]));
        assert!(!from_here(&[host, ("sec-fetch-site", "none")]));
        let plain = ("origin", "http://127.0.0.1:8443");
        assert!(is_from(&[host, plain], Carrier::PlainHttp));
        assert!(!is_from(&[host, own], Carrier::PlainHttp));
    }
}
