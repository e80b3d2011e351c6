/// An enum whose variants are a table: each stands there once, with its text for the documentation and its row. It gives
/// `ALL`, `name`, `words` and `row`.
macro_rules! catalogue {
    (
        $(#[$of_type:meta])*
        pub enum $type:ident: $row:ty {
            $($(#[doc = $words:literal])+ $variant:ident => $value:expr,)+
        }
    ) => {
        $(#[$of_type])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $type {
            $($(#[doc = $words])+ $variant,)+
        }

        impl $type {
            /// Every one, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }

            /// What the documentation says of it.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($words),+).trim_ascii(),)+
                }
            }

            const fn row(self) -> $row {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }
    };
}
