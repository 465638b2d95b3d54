//! The trace a call belongs to, as its caller says. Source: W3C Trace Context §3.2.

use http::HeaderMap;

const TRACE_ID_DIGITS: usize = 32;
const PARENT_ID_DIGITS: usize = 16;

/// The trace id of the `traceparent` header: 32 hexadecimal digits, not all zero; `None` when it is absent or malformed.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all("traceparent").iter();
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
    (whole && named(trace) && named(parent)).then_some(trace)
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
            headers.append("traceparent", value.parse().unwrap());
        }
        trace_id(&headers).map(str::to_owned)
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
