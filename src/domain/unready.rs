//! Why the server does not take a call now, although nothing is wrong with the call.

/// Why a call may succeed later as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// The caller's institution has as many calls or inquiries under way as one institution may have.
    #[error("the institution has as many calls or inquiries under way as one may have")]
    InstitutionBusy,
    /// The disk has less room than records need, so nothing is begun; nothing is damaged.
    #[error("the disk has too little room for records, so nothing is begun")]
    DiskFull,
}

impl Unready {
    /// The Japanese message for a person.
    pub fn ja(self) -> &'static str {
        match self {
            Self::InstitutionBusy => {
                "貴機関の処理中の要求が上限に達しています。しばらくしてから再送してください。"
            }
            Self::DiskFull => "ディスクの空き容量が不足しているため、受け付けを停止しています。",
        }
    }
}
