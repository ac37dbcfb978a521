//! The one table of everything a person can do. Key handling, hint line, help, palette, `plumb keys` and the key list
//! of the README all read it.

use crate::dossier::Language;
use crate::tui::words::Word;

/// Where the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The list of dossiers.
    Queue,
    /// One dossier under review.
    Review,
    /// A stretch of the document is being selected.
    Select,
    /// The profile is shown.
    Profile,
    /// The help is shown; letters filter it.
    Help,
    /// The command palette; letters filter it.
    Palette,
    /// The reason picker; letters pick.
    Reason,
    /// A line is being typed.
    Input,
    /// A question with yes and no.
    Confirm,
    /// A training run or the calibration is shown.
    Training,
    /// What may be laid over the model is shown.
    Adapters,
    /// Two answers are compared.
    Annotate,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Queue,
        Self::Review,
        Self::Select,
        Self::Profile,
        Self::Help,
        Self::Palette,
        Self::Reason,
        Self::Input,
        Self::Confirm,
        Self::Training,
        Self::Adapters,
        Self::Annotate,
    ];

    /// Whether letters are text here, so that no action may be bound to one.
    pub fn types(self) -> bool {
        matches!(self, Self::Help | Self::Palette | Self::Input | Self::Reason)
    }
}

/// What an action is about; the sections of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Scores and notes.
    Deciding,
    /// Links to places.
    Evidence,
    /// Going about.
    Moving,
    /// Finding text.
    Finding,
    /// What is shown.
    Views,
    /// The rest.
    General,
}

impl Group {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 6] = [
        Self::Deciding,
        Self::Evidence,
        Self::Moving,
        Self::Finding,
        Self::Views,
        Self::General,
    ];

    /// Its name.
    pub fn word(self) -> Word {
        match self {
            Self::Deciding => Word::HelpDeciding,
            Self::Evidence => Word::HelpEvidence,
            Self::Moving => Word::HelpMoving,
            Self::Finding => Word::HelpFinding,
            Self::Views => Word::HelpViews,
            Self::General => Word::HelpGeneral,
        }
    }
}

macro_rules! actions {
    ($($name:ident $code:literal $keys:tt in $modes:tt, $group:ident, $hint:expr, $zh:literal, $en:literal;)*) => {
        /// Something a person can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = $en] $name,)*
        }

        impl Action {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What `keymap.toml` calls it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The keys it has when no keymap says otherwise.
            pub fn default_keys(self) -> &'static [&'static str] {
                match self { $(Self::$name => &$keys,)* }
            }

            /// Where it can be done.
            pub fn modes(self) -> &'static [Mode] {
                use Mode::*;
                match self { $(Self::$name => &$modes,)* }
            }

            /// What it is about.
            pub fn group(self) -> Group {
                match self { $(Self::$name => Group::$group,)* }
            }

            /// Its one or two words for the hint line; none where there is no room for it.
            pub fn hint(self) -> Option<Word> {
                use Word::*;
                match self { $(Self::$name => $hint,)* }
            }

            /// What it does, in a sentence.
            pub fn describe(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::Zh) => $zh, (Self::$name, Language::En) => $en,)*
                }
            }
        }
    };
}

actions! {
    Accept "accept" ["a"] in [Review], Deciding, Some(HintAccept),
        "采纳模型评分", "Accept the model's score";
    Score "score" ["1", "2", "3", "4", "5"] in [Review, Reason], Deciding, Some(HintOverride),
        "改为 1 至 5 分，随后可选理由", "Put your own score of 1 to 5; a reason may follow";
    Half "half" ["."] in [Review, Reason], Deciding, Some(HintHalf),
        "加半级", "Add half a level";
    Note "note" ["m"] in [Review], Deciding, Some(HintNote),
        "为维度或所选证据写批注", "Write a note on the dimension or the selected evidence";
    Blind "blind" ["b"] in [Review], Deciding, Some(HintBlind),
        "开启或关闭盲评", "Turn blind-first on or off";
    Reveal "reveal" ["B"] in [Review], Deciding, None,
        "揭示本维度的模型评分（记录在案）", "Reveal the model's score here (goes on record)";
    PreferLeft "prefer-left" ["1"] in [Annotate], Deciding, Some(HintLeftBetter),
        "左边的回答更好", "The answer on the left is better";
    PreferRight "prefer-right" ["2"] in [Annotate], Deciding, Some(HintRightBetter),
        "右边的回答更好", "The answer on the right is better";
    Tie "tie" ["0"] in [Annotate], Deciding, Some(HintTie),
        "两个回答不分高下", "Neither answer is better";
    SkipPair "skip-pair" ["s"] in [Annotate], Deciding, Some(HintSkip),
        "跳过这一对", "Leave this pair to others";
    Rewrite "rewrite" ["E"] in [Annotate], Deciding, Some(HintRewrite),
        "把所标的回答改写得更好", "Rewrite the marked answer into a better one";
    Undo "undo" ["u"] in [Review, Annotate], Deciding, Some(HintUndo),
        "撤销自己的上一条记录", "Take back your last record";
    SignOff "sign-off" ["S"] in [Review], Deciding, Some(HintSignOff),
        "签署档案", "Sign off the dossier";
    Skip "skip" ["enter"] in [Reason], Deciding, Some(HintSkip),
        "记录；不选理由，或用所选的理由", "Record without a reason, or with the chosen one";

    Link "link" ["e"] in [Review, Select], Evidence, Some(HintLink),
        "把所选原文关联为支持证据", "Link the place as supporting evidence";
    LinkAgainst "link-against" ["E"] in [Review, Select], Evidence, Some(HintLinkAgainst),
        "把所选原文关联为反面证据", "Link the place as contradicting evidence";
    Drop "drop" ["x"] in [Review], Evidence, Some(HintDrop),
        "移除所选证据", "Drop the selected evidence";
    Select "select" ["v"] in [Review, Select], Evidence, Some(HintSelect),
        "在原文中选取一段，再按一次取消", "Select a stretch of the document; again to stop";
    Copy "copy" ["y"] in [Review, Select], Evidence, Some(HintCopy),
        "复制所选原文", "Copy the selected text";

    Up "up" ["k", "up"] in [Queue, Review, Select, Profile, Training, Adapters, Annotate], Moving, None,
        "上移", "Move up";
    Down "down" ["j", "down"] in [Queue, Review, Select, Profile, Training, Adapters, Annotate], Moving, None,
        "下移", "Move down";
    Left "left" ["h", "left"] in [Review, Select, Annotate], Moving, None,
        "左侧窗格；选取时左移一字", "Pane to the left; one character back while selecting";
    Right "right" ["l", "right"] in [Review, Select, Annotate], Moving, None,
        "右侧窗格；选取时右移一字", "Pane to the right; one character on while selecting";
    HalfUp "half-page-up" ["ctrl-u", "pageup"] in [Queue, Review, Select, Profile, Help, Training, Adapters, Annotate], Moving, None,
        "上翻半页", "Half a page up";
    HalfDown "half-page-down" ["ctrl-d", "pagedown"] in [Queue, Review, Select, Profile, Help, Training, Adapters, Annotate], Moving, None,
        "下翻半页", "Half a page down";
    Top "top" ["g g", "home"] in [Queue, Review, Select, Profile, Training, Adapters, Annotate], Moving, None,
        "到开头", "To the beginning";
    Bottom "bottom" ["G", "end"] in [Queue, Review, Select, Profile, Training, Adapters, Annotate], Moving, None,
        "到末尾", "To the end";
    Open "open" ["enter"] in [Queue, Review], Moving, Some(HintOpen),
        "打开；在证据上跳到原文，在原文上跳到引用它的评分",
        "Open; from evidence jump to its place, from a place to the score that uses it";
    NextDimension "next-dimension" ["]"] in [Review, Select], Moving, None,
        "下一个维度", "Next dimension";
    PreviousDimension "previous-dimension" ["["] in [Review, Select], Moving, None,
        "上一个维度", "Previous dimension";
    NextUndecided "next-undecided" ["space"] in [Review], Moving, None,
        "下一个未裁定的维度", "Next dimension without a decision";
    NextSource "next-source" [">"] in [Review], Moving, None,
        "下一份材料", "Next source";
    PreviousSource "previous-source" ["<"] in [Review], Moving, None,
        "上一份材料", "Previous source";
    NextDossier "next-dossier" ["ctrl-n"] in [Review], Moving, None,
        "下一份档案", "Next dossier";
    PreviousDossier "previous-dossier" ["ctrl-p"] in [Review], Moving, None,
        "上一份档案", "Previous dossier";
    NextPane "next-pane" ["tab"] in [Review], Moving, Some(HintPane),
        "下一个窗格", "Next pane";
    PreviousPane "previous-pane" ["shift-tab"] in [Review], Moving, None,
        "上一个窗格", "Previous pane";
    PaneSources "pane-sources" ["f2"] in [Review], Moving, None,
        "材料窗格", "Sources";
    PaneDocument "pane-document" ["f3"] in [Review], Moving, None,
        "原文窗格", "Document";
    PaneDimensions "pane-dimensions" ["f4"] in [Review], Moving, None,
        "维度窗格", "Dimensions";
    PaneEvidence "pane-evidence" ["f5"] in [Review], Moving, None,
        "证据窗格", "Evidence";
    ListUp "list-up" ["up"] in [Help, Palette, Reason], Moving, None,
        "列表中上移", "Up in a list";
    ListDown "list-down" ["down"] in [Help, Palette, Reason], Moving, None,
        "列表中下移", "Down in a list";

    Find "find" ["/"] in [Review], Finding, Some(HintFind),
        "在全部材料中查找", "Find in all sources";
    FindNext "find-next" ["n"] in [Review], Finding, None,
        "下一处匹配", "Next match";
    FindPrevious "find-previous" ["N"] in [Review], Finding, None,
        "上一处匹配", "Previous match";
    Filter "filter" ["f"] in [Queue], Finding, Some(HintFilter),
        "切换筛选：全部、未完成、待人工判断、已签署", "Filter: all, open, needs a human, signed off";
    Search "search" ["/"] in [Queue], Finding, Some(HintFind),
        "按姓名、岗位或编号查找", "Find by name, role or number";
    Sort "sort" ["s"] in [Queue], Finding, Some(HintSort),
        "切换排序", "Change the order";

    Profile "profile" ["p"] in [Review, Profile], Views, Some(HintProfile),
        "绩效画像与发展计划", "Profile and development plan";
    ExportSvg "export-svg" ["ctrl-s"] in [Review, Profile], Views, Some(HintExport),
        "导出画像为 SVG", "Export the profile as SVG";
    ExportHtml "export-html" ["ctrl-w"] in [Review, Profile], Views, None,
        "导出画像为 HTML", "Export the profile as HTML";
    Training "training" ["t"] in [Queue, Review, Annotate, Training], Views, None,
        "最近一次训练的进展", "How the newest training run goes";
    Calibration "calibration" ["c"] in [Queue, Review, Annotate, Training], Views, Some(HintCalibration),
        "评分校准：模型评分与人工评分相差多少", "The calibration: how near scores come to people's";
    Adapters "adapters" ["A"] in [Queue, Review, Adapters], Views, Some(HintAdapters),
        "适配器：模型上叠加的内容", "Adapters: what is laid over the model";
    PutLive "put-live" ["enter"] in [Adapters], Views, Some(HintPutLive),
        "正式启用所选的适配器（记录在案）", "Put the selected adapter live (goes on record)";
    Theme "theme" ["T"] in [Queue, Review, Annotate], Views, None,
        "切换主题", "Next theme";
    Language "language" ["L"] in [Queue, Review, Annotate], Views, None,
        "切换界面语言", "Switch the language of the interface";
    Mouse "mouse" ["M"] in [Queue, Review, Annotate], Views, None,
        "开启或关闭鼠标", "Turn the mouse on or off";
    Redraw "redraw" ["ctrl-l"] in [Queue, Review, Select, Profile, Help, Palette, Reason, Input, Confirm, Training, Adapters, Annotate], Views, None,
        "重画屏幕", "Draw the screen again";

    Rescore "rescore" ["r"] in [Review], General, None,
        "重新评本维度", "Score this dimension again";
    RescoreMissing "rescore-missing" ["R"] in [Review], General, None,
        "评出所有尚无评分的维度", "Score every dimension that has no score";
    StopScoring "stop-scoring" ["s"] in [Review], General, None,
        "停止评分", "Stop scoring";
    Palette "palette" [":"] in [Queue, Review, Profile, Training, Adapters, Annotate], General, Some(HintCommand),
        "命令面板", "Command palette";
    Help "help" ["?", "f1"] in [Queue, Review, Select, Profile, Training, Adapters, Annotate], General, Some(HintHelp),
        "帮助；可搜索，回车执行", "Help; searchable, Enter runs the row";
    Run "run" ["enter"] in [Help, Palette], General, Some(HintRun),
        "执行所选的命令", "Run the selected row";
    Submit "submit" ["enter"] in [Input], General, Some(HintConfirm),
        "确认输入", "Take the line";
    Yes "yes" ["y", "enter"] in [Confirm], General, Some(HintConfirm),
        "是", "Yes";
    No "no" ["n"] in [Confirm], General, None,
        "否", "No";
    Close "close" ["esc"] in [Queue, Review, Select, Profile, Help, Palette, Reason, Input, Confirm, Training, Adapters, Annotate], General, Some(HintClose),
        "关闭最上面的一层", "Close the topmost thing";
    Leave "leave" ["q"] in [Queue, Review, Profile, Training, Adapters, Annotate], General, Some(HintQuit),
        "返回队列；在队列中退出", "Back to the queue; from there, quit";
    Quit "quit" ["ctrl-c"] in [Queue, Review, Select, Profile, Help, Palette, Reason, Input, Confirm, Training, Adapters, Annotate], General, None,
        "退出程序", "Quit";
    Suspend "suspend" ["ctrl-z"] in [Queue, Review, Select, Profile, Help, Palette, Reason, Input, Confirm, Training, Adapters, Annotate], General, None,
        "挂起到后台（fg 恢复）", "Suspend to the shell (fg brings it back)";
}

impl Action {
    /// The action that `keymap.toml` calls so.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.code() == code)
    }
}
