//! The sample persons that reach each result: the first of every population.

/// Which result a sample person is there to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Situation {
    /// Everything is there: the inquiry ends normally.
    Ordinary,
    /// Linked, but no replica is registered.
    NotRegistered,
    /// The replicas hold nothing but 未申告.
    NotDeclared,
    /// The replicas' publication has ended.
    OutsidePublication,
    /// Moved out of the former home, which has unlinked the person: an inquiry there asks the wrong institution.
    MovedOut,
    /// The provider holds replicas but has no symbol of the person.
    SymbolMissing,
    /// Some values are missing and some records are not published.
    PartlyProvided,
    /// A no-auto-reply flag on the person holds every inquiry.
    HeldByPerson,
    /// A no-auto-reply flag on the specific information [`HELD_INFO`] holds the inquiry, this person's and everybody's.
    HeldByInfo,
    /// A no-auto-reply flag on the person × [`HELD_PERSON_INFO`] holds that inquiry and no other of the person.
    HeldByPersonInfo,
    /// 自己情報提供不可 on the person: inquiries are answered, records are shown, own data is not given at the portal.
    NoSelfProvision,
    /// A victim of domestic violence: 自動応答不可 and 自己情報提供不可 on the person. 不開示 comes with each inquiry.
    Protected,
}

/// The specific information that the home of [`Situation::HeldByInfo`] never provides without its staff: 障害者関係情報.
pub const HELD_INFO: &str = "TM90000000000003";

/// The specific information that is held for [`Situation::HeldByPersonInfo`] alone: 地方税関係情報.
pub const HELD_PERSON_INFO: &str = "TM00000000000002";

impl Situation {
    /// How many persons at the beginning of a population live in the first municipality, whatever the seed.
    pub const FIRST_PERSONS: u32 = 12;

    /// Every situation, in the order of the sample persons: the index in this list is the person's.
    pub const ALL: &[Self] = &[
        Self::Ordinary,
        Self::NotRegistered,
        Self::NotDeclared,
        Self::OutsidePublication,
        Self::MovedOut,
        Self::SymbolMissing,
        Self::PartlyProvided,
        Self::HeldByPerson,
        Self::HeldByInfo,
        Self::HeldByPersonInfo,
        Self::NoSelfProvision,
        Self::Protected,
    ];

    /// The situation of the person with this index; ordinary for all but the first.
    pub fn of(index: u32) -> Self {
        let special = usize::try_from(index).ok().and_then(|at| Self::ALL.get(at));
        special.copied().unwrap_or(Self::Ordinary)
    }

    /// What a Japanese reader is told.
    pub fn ja(self) -> &'static str {
        match self {
            Self::Ordinary => "正常に提供される人",
            Self::NotRegistered => "副本が未登録の人",
            Self::NotDeclared => "未申告の人",
            Self::OutsidePublication => "副本が公開期間外の人",
            Self::MovedOut => "転出し、前住所地では符号の紐付けが解除された人（照会先の誤り）",
            Self::SymbolMissing => "照会先で符号が未取得の人",
            Self::PartlyProvided => "一部だけ提供される人",
            Self::HeldByPerson => "本人に自動応答不可フラグがある人",
            Self::HeldByInfo => "特定個人情報に自動応答不可フラグがある照会の対象者",
            Self::HeldByPersonInfo => "本人の特定の特定個人情報に自動応答不可フラグがある人",
            Self::NoSelfProvision => "本人に自己情報提供不可フラグがある人",
            Self::Protected => {
                "本人に自動応答不可と自己情報提供不可の両方がある人（DV等の支援措置）"
            }
        }
    }

    /// What an English reader is told.
    pub fn en(self) -> &'static str {
        match self {
            Self::Ordinary => "everything is provided",
            Self::NotRegistered => "no replica is registered",
            Self::NotDeclared => "nothing is declared",
            Self::OutsidePublication => "the replicas' publication has ended",
            Self::MovedOut => "moved out and unlinked at the former home (wrong institution)",
            Self::SymbolMissing => "the provider has no symbol",
            Self::PartlyProvided => "only a part is provided",
            Self::HeldByPerson => "held by a flag on the person",
            Self::HeldByInfo => "held by a flag on the specific information",
            Self::HeldByPersonInfo => "held by a flag on the person and one specific information",
            Self::NoSelfProvision => "own data is not given at the portal",
            Self::Protected => "held, and own data is not given at the portal (domestic violence)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_persons_show_each_result_and_the_rest_are_ordinary() {
        for (index, situation) in (0..).zip(Situation::ALL) {
            assert_eq!(Situation::of(index), *situation);
            assert!(!situation.ja().is_empty() && !situation.en().is_empty());
        }
        let special = u32::try_from(Situation::ALL.len()).unwrap();
        assert!(special <= Situation::FIRST_PERSONS);
        assert_eq!(Situation::of(special), Situation::Ordinary);
        assert_eq!(Situation::of(u32::MAX), Situation::Ordinary);
    }
}
