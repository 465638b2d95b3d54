//! The trace a call belongs to, as its caller says. Source: W3C Trace Context §3.2.

use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue};

use crate::crypto::digest::random_bytes;

/// The header, in and out.
pub(super) const TRACEPARENT: &str = "traceparent";

const TRACE_ID_DIGITS: usize = 32;
const PARENT_ID_DIGITS: usize = 16;

/// The part of a trace that this call is: the trace as the caller names it, and a span of our own.
#[derive(Debug)]
pub(super) struct Span {
    trace: String,
    own: String,
    flags: String,
}

impl Span {
    /// Goes on with the caller's trace; `None` when `traceparent` is absent or malformed.
    pub(super) fn within(headers: &HeaderMap) -> Option<Self> {
        let (trace, flags) = read(headers)?;
        let own = random_bytes::<{ PARENT_ID_DIGITS / 2 }>().ok()?;
        Some(Self {
            trace: trace.to_owned(),
            own: HEXLOWER.encode(&own),
            flags: flags.to_owned(),
        })
    }

    /// 32 hexadecimal digits.
    pub(super) fn trace_id(&self) -> &str {
        &self.trace
    }

    /// 16 hexadecimal digits.
    pub(super) fn id(&self) -> &str {
        &self.own
    }

    /// What tells the caller which span answered.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        format!("00-{}-{}-{}", self.trace, self.own, self.flags)
            .parse()
            .ok()
    }
}

/// The trace id, 32 hexadecimal digits, not all zero, and the flags.
fn read(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut all = headers.get_all(TRACEPARENT).iter();
    let (only, None) = (all.next()?, all.next()) else {
        return None;
    };
    let mut fields = only.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let whole = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, TRACE_ID_DIGITS)
        && is_hex(parent, PARENT_ID_DIGITS)
        && is_hex(flags, 2)
        && (version != "00" || fields.next().is_none());
    let named = |id: &str| id.bytes().any(|digit| digit != b'0');
    (whole && named(trace) && named(parent)).then_some((trace, flags))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, value.parse().unwrap());
        }
        Span::within(&headers).map(|span| span.trace)
    }

    #[test]
    fn the_answer_names_the_callers_trace_and_a_span_of_our_own() {
        let mut headers = HeaderMap::new();
        let sent = format!("00-{TRACE}-b7ad6b7169203331-00");
        headers.insert(TRACEPARENT, sent.parse().unwrap());
        let [one, other] = [(); 2].map(|()| Span::within(&headers).unwrap());
        assert_ne!(one.id(), other.id());
        let header = one.header().unwrap();
        assert_eq!(header, format!("00-{TRACE}-{}-00", one.id()));
        let mut answered = HeaderMap::new();
        answered.insert(TRACEPARENT, header);
        assert_eq!(Span::within(&answered).unwrap().trace_id(), TRACE);
    }

    #[test]
    fn a_malformed_or_ambiguous_header_names_no_trace() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "x".to_owned(),
            format!("00-{TRACE}-b7ad6b7169203331"),
            format!("00-{TRACE}-b7ad6b7169203331-01-x"),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{zeros}-b7ad6b7169203331-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            format!("00-{TRACE}0-b7ad6b7169203331-01"),
        ] {
            assert_eq!(read(&[&text]), None, "{text}");
        }
        let good = format!("00-{TRACE}-b7ad6b7169203331-01");
        assert_eq!(read(&[&good, &good]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn the_trace_id_is_read_from_this_and_later_versions() {
        let now = format!("00-{TRACE}-b7ad6b7169203331-01");
        let later = format!("cc-{TRACE}-b7ad6b7169203331-01-what-will-be");
        assert_eq!(read(&[&now]).as_deref(), Some(TRACE));
        assert_eq!(read(&[&later]).as_deref(), Some(TRACE));
    }
}
