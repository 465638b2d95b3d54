//! The staff's terminal: pages over TLS for who has signed in, protected against forms of others.

use std::{collections::BTreeSet, sync::Arc};

use chukan::{
    sample::staff::TRAINING_PASSWORD,
    server::connect::{ClientPem, settings},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::net::{self, CITY, Net};

/// A browser without scripts: it keeps one cookie.
pub(crate) struct Browser<'a> {
    net: &'a Net,
    cookie: String,
}

/// An answer: its status, its head and its page.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) page: String,
}

/// A form of a page.
pub(crate) struct Form {
    /// Where it leads.
    pub(crate) action: String,
    /// Whether its fields become part of the address.
    pub(crate) asks: bool,
    /// What a browser would send.
    pub(crate) fields: Vec<(String, String)>,
    /// The names of all its fields, also of those that are sent only when they are chosen.
    pub(crate) names: BTreeSet<String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(net: &'a Net) -> Self {
        let cookie = String::new();
        Self { net, cookie }
    }

    /// A browser in which a training account has signed in.
    pub(crate) async fn signed_in(net: &'a Net, institution: &str, account: &str) -> Self {
        let mut browser = Self::new(net);
        let form = sign_in(institution, account, TRAINING_PASSWORD);
        let answer = browser.post("/login", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.page);
        browser
    }

    /// Another window of the same session.
    pub(crate) fn twin(&self) -> Self {
        let cookie = self.cookie.clone();
        Self { cookie, ..*self }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), "", "").await
    }

    /// Sends a form as a page of the terminal would.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let origin = format!("origin: https://{}\r\n", self.net.console());
        self.post_with(path, form, &origin).await
    }

    /// Sends what [`Answer::form`] found.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        let fields = fields.iter();
        let fields: Vec<_> = fields.map(|(name, value)| (&**name, &**value)).collect();
        self.post(path, &fields).await
    }

    async fn post_with(&mut self, path: &str, form: &[(&str, &str)], headers: &str) -> Answer {
        let fields: Vec<_> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let kind = "content-type: application/x-www-form-urlencoded\r\n";
        let headers = format!("{kind}{headers}");
        let request = format!("POST {path}");
        self.send(&request, &headers, &fields.join("&")).await
    }

    async fn send(&mut self, request: &str, headers: &str, body: &str) -> Answer {
        let host = self.net.console();
        let pem = ClientPem {
            authority: &self.net.pki("ca.pem"),
            certificate: &self.net.pki(&format!("clients/{CITY}.pem")),
            key: &self.net.pki(&format!("clients/{CITY}.key.pem")),
        };
        let mut settings = settings(pem).unwrap();
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        let socket = TcpStream::connect(&host).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(settings));
        let mut stream = connector.connect(name, socket).await.unwrap();
        let (cookie, length) = (&self.cookie, body.len());
        let message = format!(
            "{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncookie: {cookie}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        // The server need not read a form that is not for it: nobody is signed in any more.
        let sent = stream.write_all(message.as_bytes()).await;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.is_empty(), "{request}: {sent:?}");
        let answer = String::from_utf8(answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        let set = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "));
        if let Some(cookie) = set.and_then(|cookie| cookie.split(';').next()) {
            cookie.clone_into(&mut self.cookie);
        }
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            page: page.to_owned(),
        }
    }
}

impl Answer {
    /// What every form of the session carries.
    pub(crate) fn guard(&self) -> String {
        self.value("guard")
    }

    /// The value of the first field of this name.
    pub(crate) fn value(&self, name: &str) -> String {
        let field = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.page.split_once(&field).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// What a browser would send of the form that leads to `action`.
    pub(crate) fn form(&self, action: &str) -> Vec<(String, String)> {
        let mut forms = self.forms().into_iter();
        let found = forms.find(|form| form.action == action);
        let form = found.unwrap_or_else(|| panic!("no form {action}: {}", self.page));
        form.fields
    }

    /// Every form of the page.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let forms = self.page.split("<form ").skip(1);
        let forms = forms.map(|form| form.split("</form>").next().unwrap());
        forms
            .map(|form| Form {
                action: attribute(form, "action").unwrap_or_default(),
                asks: attribute(form, "method").as_deref() == Some("get"),
                fields: fields(form),
                names: names(form),
            })
            .collect()
    }

    /// Where a form that was taken leads.
    pub(crate) fn location(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.page);
        let mut head = self.head.lines();
        let found = head.find_map(|line| line.strip_prefix("location: "));
        found.unwrap().to_owned()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let text = rest.split('"').next()?;
    let text = text.replace("&#60;", "<").replace("&#62;", ">");
    let text = text.replace("&#34;", "\"").replace("&#39;", "'");
    Some(text.replace("&#38;", "&"))
}

fn names(form: &str) -> BTreeSet<String> {
    let tags = form.split('<').skip(1);
    let fields = tags.filter(|tag| {
        let kinds = ["input ", "select ", "textarea "];
        kinds.iter().any(|kind| tag.starts_with(kind))
    });
    fields.filter_map(|tag| attribute(tag, " name")).collect()
}

fn fields(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for tag in form.split('<').skip(1) {
        let value = || attribute(tag, " value").unwrap_or_default();
        let is = |kind: &str| tag.contains(&format!("type=\"{kind}\""));
        let chosen = !(is("checkbox") || is("radio")) || tag.contains(" checked");
        if tag.starts_with("input") && chosen {
            fields.extend(attribute(tag, " name").map(|name| (name, value())));
        } else if tag.starts_with("select") || tag.starts_with("textarea") {
            fields.extend(attribute(tag, " name").map(|name| (name, String::new())));
        } else if tag.starts_with("option") && tag.contains(" selected") {
            fields.last_mut().unwrap().1 = value();
        }
    }
    fields
}

fn sign_in<'a>(
    institution: &'a str,
    account: &'a str,
    password: &'a str,
) -> [(&'static str, &'a str); 3] {
    [
        ("institution", institution),
        ("account", account),
        ("password", password),
    ]
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn nobody_sees_a_page_without_a_session() {
    let net = net::start();
    let mut browser = Browser::new(&net);
    for path in ["/", "/accounts", "/operations", "/password"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.head.contains("location: /login"), "{path}");
    }
    let form = sign_in(CITY, "clerk1", "wrong");
    let refused = browser.post("/login", &form).await;
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .page
            .contains("アカウント名またはパスワードが正しくない")
    );
    assert!(!refused.head.contains("set-cookie"));
    assert_eq!(browser.get("/no-such-page").await.status, 404);
    let long = "x".repeat(600 << 10);
    for form in [
        vec![("account", "clerk1")],
        vec![("account", long.as_str())],
    ] {
        let answer = browser.post("/login", &form).await;
        assert!(matches!(answer.status, 413 | 422), "{}", answer.status);
        assert!(answer.page.contains("読み取れません"), "{}", answer.page);
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let net = net::start();
    let mut browser = Browser::new(&net);
    let form = sign_in(CITY, "clerk1", TRAINING_PASSWORD);
    for headers in ["", "origin: https://evil.example\r\n", "origin: null\r\n"] {
        let answer = browser.post_with("/login", &form, headers).await;
        assert_eq!(answer.status, 403, "{headers}");
    }
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let forged = clerk.post("/logout", &[("guard", "0000")]).await;
    assert_ne!(
        forged.status, 303,
        "a form that was made in no session of ours"
    );
    assert_eq!(clerk.get("/").await.status, 200);
    let guard = clerk.get("/").await.guard();
    assert_eq!(
        clerk.post("/logout", &[("guard", &guard)]).await.status,
        303
    );
    assert_eq!(clerk.get("/").await.status, 303);
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_caches() {
    let net = net::start();
    let mut browser = Browser::signed_in(&net, CITY, "auditor").await;
    for path in [
        "/",
        "/operations",
        "/login",
        "/no-such-page",
        "/assets/console.css",
    ] {
        let head = browser.get(path).await.head;
        assert!(head.contains("default-src 'none'"), "{path}");
        assert!(!head.contains("unsafe"), "{path}");
        assert!(head.contains("cache-control: no-store"), "{path}");
        assert!(head.contains("x-frame-options: DENY"), "{path}");
    }
    let answer = browser
        .post("/login", &sign_in(CITY, "clerk1", TRAINING_PASSWORD))
        .await;
    for part in ["__Host-", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(answer.head.contains(part), "{}", answer.head);
    }
}

#[tokio::test]
async fn the_menu_and_the_pages_follow_the_role() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let home = clerk.get("/").await;
    assert!(!home.page.contains("/accounts") && !home.page.contains("/operations"));
    assert_eq!(clerk.get("/accounts").await.status, 403);
    assert_eq!(clerk.get("/operations").await.status, 403);
    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    let log = auditor.get("/operations").await;
    assert_eq!(log.status, 200);
    assert!(log.page.contains("拒否（NOT_AUTHORISED）"), "{}", log.page);
}

#[tokio::test]
async fn an_administrator_creates_an_account_and_bad_texts_harm_no_page() {
    let net = net::start();
    let mut admin = Browser::signed_in(&net, CITY, "admin1").await;
    let guard = admin.get("/accounts").await.guard();
    let form = |account: &str, display_name: &str| {
        [
            ("guard", guard.clone()),
            ("account", account.to_owned()),
            ("person", "S900".to_owned()),
            ("display_name", display_name.to_owned()),
            ("role", "clerk".to_owned()),
            ("affair", String::new()),
            ("expires_on", String::new()),
            ("password", "first-given-1".to_owned()),
        ]
    };
    let long = "あ".repeat(10_000);
    for bad in [
        "<script>alert(1)</script>\u{0}",
        "\"><b>",
        "a\r\nset-cookie: x=y",
        &long,
        "1234-5678-9018",
    ] {
        let fields = form(bad, bad);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = admin.post("/accounts", &fields).await;
        assert_eq!(answer.status, 422, "{}", answer.page);
        assert!(!answer.page.contains("<script>") && !answer.page.contains("<b>"));
        assert!(!answer.head.contains("x=y"));
    }
    let fields = form("tanaka", "𠮷田 <太郎>");
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = admin.post("/accounts", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.page);
    assert!(
        answer.page.contains("𠮷田 &#60;太郎&#62;"),
        "{}",
        answer.page
    );
    let again = admin.post("/accounts", &fields).await;
    assert!(
        again
            .page
            .contains("同じ名前のアカウントが既に存在します。")
    );

    let mut browser = Browser::new(&net);
    let answer = browser
        .post("/login", &sign_in(CITY, "tanaka", "first-given-1"))
        .await;
    assert!(answer.head.contains("location: /password"));
    let due = browser.get("/password").await;
    assert!(due.page.contains("パスワードを変更してください"));
    let guard = due.guard();
    let change = [
        ("guard", guard.as_str()),
        ("present", "first-given-1"),
        ("new", "correct horse battery"),
    ];
    let changed = browser.post("/password", &change).await;
    assert!(
        changed.page.contains("パスワードを変更しました"),
        "{}",
        changed.page
    );
    assert_eq!(browser.get("/").await.status, 200);
}
