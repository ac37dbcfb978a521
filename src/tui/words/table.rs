//! The table itself: one row a text, Chinese first. Rows are grouped by where they are seen.

use crate::dossier::Language;

macro_rules! words {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// One text of the interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Word {
            $(#[doc = $en] $name,)*
        }

        impl Word {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The text in `language`.
            pub fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$name, Language::Zh) => $zh,
                        (Self::$name, Language::En) => $en,
                    )*
                }
            }
        }
    };
}

words! {
    // Panes and their empty states.
    Queue: "待评队列", "Queue";
    Sources: "材料", "Sources";
    Document: "原文", "Document";
    Dimensions: "维度", "Dimensions";
    Evidence: "证据", "Evidence";
    EvidenceFor: "「{dimension}」的证据", "Evidence for {dimension}";
    Rationale: "评分理由", "Rationale";
    Suggestion: "发展建议", "Suggestion";
    LevelAnchor: "等级说明", "Level anchor";
    Notes: "批注", "Notes";
    Profile: "绩效画像", "Profile";
    Training: "训练", "Training";
    TrainingNone: "还没有训练记录，可用 plumb train sft 开始。", "No run yet: plumb train sft begins one.";
    TrainingStep: "第 {step}/{steps} 步", "step {step} of {steps}";
    TrainingLeft: "还需 {time}", "{time} left";
    TrainingPair: "较好的回答 {chosen}，较差的回答 {rejected}", "chosen {chosen}, rejected {rejected}";
    TrainingLooking: "正在查找训练记录……", "looking for a run...";
    TrainingUnread: "训练记录读取失败：{reason}", "The run cannot be read: {reason}";
    TrainingFinished: "已完成", "finished";
    TrainingStopped: "{time}前停止", "stopped {time} ago";
    TrainingSpeed: "每秒 {n} 词元", "{n} tok/s";
    Seconds: "{n} 秒", "{n} s";
    Minutes: "{n} 分钟", "{n} min";
    Hours: "{h} 小时 {n} 分", "{h} h {n} min";
    Calibration: "评分校准", "Calibration";
    CalibrationNone: "未使用评分校准：显示的是模型原始评分。", "No calibration is in use: scores are what the model says.";
    CalibrationOf: "依据 {groups} 人的 {ratings} 条人工评分", "on {ratings} ratings of {groups} people";
    CalibrationShipped: "随程序附带，依据虚构人物；决策积累后在其上重新拟合", "comes with the program, made-up people; decisions are fitted on top of it";
    CalibrationRatings: "条数", "ratings";
    CalibrationBefore: "校准前", "before";
    CalibrationAfter: "校准后", "after";
    CalibrationMargin: "范围", "margin";
    CalibrationFigures: "校准前、校准后：与人工评分平均相差几级；范围：九成人工评分落在其内", "before, after: levels from people's on average; margin: nine of ten lie within";
    CalibrationGiven: "右侧各列：模型评为该分时，人工评分的平均值×条数；越接近列标题越准，* 表示相差超过半级", "at the right: what people gave, and how often, where 1 to 5 was read; nearer the heading is better, * is off by more than half a level";
    Adapters: "适配器", "Adapters";
    AdaptersNone: "没有可用的模型，无法叠加适配器。", "No model is loaded, so no adapter can be used.";
    AdaptersLooking: "正在读取适配器……", "reading the adapters...";
    AdaptersUnread: "适配器列表读取失败：{reason}", "The adapters cannot be read: {reason}";
    AdaptersInUse: "现用：{model}", "in use: {model}";
    AdapterBase: "模型本身", "the model by itself";
    AdapterWorn: "现用", "in use";
    AdapterLive: "正式启用", "live";
    AdapterShipped: "随程序附带", "comes with the program";
    AdapterAdmitted: "检验通过后启用", "admitted by the gate";
    AdapterOverridden: "未过检验，人工启用", "put live over the gate";
    AdapterChosen: "在界面上选用", "chosen on the screen";
    AdapterReturned: "人工换回", "put back by a person";
    GateLarger: "数值越大越好", "larger is better";
    GateBefore: "原有", "before";
    GateAfter: "适配器", "adapter";
    GateDifference: "差值，95% 区间", "difference, 95 %";
    GateInterval: "{low} 至 {high}", "{low} to {high}";
    GateWorse: "变差", "worse";
    GateUnsure: "未定", "unsure";
    GateHolds: "持平", "holds";
    GateBetter: "更好", "better";
    GateAgreement: "评分一致度", "agreement";
    GateRightOrder: "先后顺序", "ranking accuracy";
    GateEvidence: "证据 F1", "evidence F1";
    GateCharm: "抗光环效应", "halo resistance";
    GateOrders: "抗指令注入", "injection resistance";
    GateWords: "评语相似度", "closeness to a reviewer's words";
    GateTried: "用 {n} 名未参与训练的人员检验", "tried on {n} held-out people";
    GateUnasked: "本工作区未做检验", "not tested in this workspace";
    Annotating: "标注：哪个回答更好", "Annotation: which answer is better";
    Adjudicating: "裁决：标注者意见不一", "Adjudication: annotators disagree";
    Drawing: "生成回答 {done}/{total}", "generating answers {done}/{total}";
    NothingToCompare: "没有待比较的回答", "No answers wait to be compared";
    DrawingFirst: "正在生成第一批回答，读档案需要一两分钟。", "The first answers are being generated; reading a dossier takes a minute or two.";
    NoMoreToCompare: "暂无待比较的回答。", "There is nothing left to compare for now.";
    NoMoreAnswers: "暂无待比较的回答；没有可用的模型，不会生成新的回答。", "There is nothing left to compare, and no model to generate more answers.";
    PairTooNew: "这一对刚刚显示，请看过再选", "this pair has only just come: read it first";
    DrawingStopped: "不再生成回答：{reason}", "No more answers are generated: {reason}";
    PairNotKept: "这一对回答没能存下：{reason}", "A pair of answers was not kept: {reason}";
    ComparisonUndone: "已撤销上一次比较", "The last comparison was taken back";
    AnnotationSummary: "已比较 {compared} 对{rate}   待比较 {waiting}   一致率 {agreement}", "{compared} compared{rate}   {waiting} waiting   agreement {agreement}";
    AnnotationRate: "，每小时 {rate} 对", ", {rate} an hour";
    AnnotationAgreement: "{percent}%（{pairs} 对）", "{percent}% of {pairs}";
    AskScore: "1/3 评分，1 至 5，可带半级", "1/3 Score, 1 to 5 in halves";
    AskRationale: "2/3 评分理由", "2/3 Rationale";
    AskSuggestion: "3/3 发展建议，回车即记录", "3/3 Suggestion; Enter records";
    NotEmpty: "此项不能为空", "this may not be empty";
    Help: "帮助", "Help";
    Palette: "命令面板", "Command palette";
    NoSources: "这份档案没有可读的材料", "This dossier has no readable source";
    NoEvidence: "没有关联的证据", "No evidence linked";
    NoEvidenceYet: "模型尚未给出证据", "No evidence from the model yet";
    NoMatches: "没有匹配的结果", "No matches";
    NoDossiers: "队列是空的", "The queue is empty";
    WaitsToBeHeard: "等待听写", "waits to be heard";
    HearingRecordings: "正在听写录音", "hearing recordings";
    HeardOf: "已听 {done}/{total}", "heard {done} of {total}";
    RecordingsHeard: "录音已听写完，评分据此进行。", "The recordings were heard; scores now rest on them too.";
    HearingStopped: "已停止听写，听过的都保留；重新打开档案会接着听。", "Stopped. What was heard is kept; opening the dossier again goes on.";
    EmptySource: "（空文件）", "(empty file)";

    // Kinds of sources.
    KindWeekly: "周报", "weekly report";
    KindProject: "项目报告", "project report";
    KindSelfReview: "自评", "self-review";
    KindPeer: "同事评价", "peer notes";
    KindChat: "聊天记录", "chat log";
    KindOkr: "目标与关键结果", "objectives";
    KindMeeting: "会议记录", "meeting";
    KindOther: "其他材料", "other";

    // States of a dimension; each is also shown by a mark of its own.
    StateQueued: "排队中", "queued";
    StateScoring: "评分中", "scoring";
    StateScored: "模型已评", "scored";
    StateNeedsHuman: "待人工判断", "needs a human";
    StateDecided: "已裁定", "decided";
    StateSignedOff: "已签署", "signed off";
    StateHidden: "盲评中", "hidden";
    StateOmitted: "材料不足", "not enough material";
    StateFailed: "评分失败", "failed";
    StateAccepted: "已采纳", "accepted";
    StateOverridden: "已改分", "overridden";

    // The model's work.
    ScoringProgress: "评分 {done}/{total}", "scoring {done}/{total}";
    ReadingDossier: "正在通读材料 {percent}%", "reading the dossier {percent}%";
    LoadingModel: "正在载入模型", "loading the model";
    ModelMissing: "没有可用的模型，可先人工评分", "no model: you can score by hand";
    ModelStopped: "模型已停止：{reason}", "the model stopped: {reason}";
    ScoringCancelled: "已取消评分", "scoring cancelled";
    ScoringDone: "全部维度评分完毕", "all dimensions scored";
    HighSpread: "分布较散", "wide spread";
    LowValidity: "回答偏离等级", "off-scale answer";
    WideMargin: "评分离散较大", "ratings lie far around it";
    CalibratedFrom: "已校准：模型原始评分 {score}，九成评分与此相差不超过 {margin}", "calibrated: the model said {score}; nine in ten ratings lie within {margin}";
    Recalibrated: "已按 {ratings} 条人工评分重新校准：与人工评分的平均差距由 {before} 变为 {after}，新评分按此显示", "calibrated anew to {ratings} ratings: {after} levels from people on average, {before} before; new scores are read through it";
    Unverified: "引文未能核实", "quote not verified";
    OrderToModel: "像是在对模型下指令", "reads like an order to a model";
    OrdersOnce: "第 {first} 段像是在对模型下指令（{kinds}）；保留作证据", "segment {first} reads like an order to a model ({kinds}); kept as evidence";
    OrdersOften: "有 {n} 段像是在对模型下指令，首见第 {first} 段（{kinds}）；保留作证据", "{n} segments read like orders to a model, the first is {first} ({kinds}); kept as evidence";
    OrderOverride: "要求不顾规则", "sets instructions aside";
    OrderScore: "指定分数", "dictates a score";
    OrderRole: "冒充系统或对模型说话", "speaks to a model or as the system";
    ReadInPicture: "文字识别，把握 {percent}%", "read in a picture, {percent} % sure";
    HiddenCharacters: "含隐藏字符，已显形", "hidden characters made visible";
    Truncated: "材料过长，只评了最相关的部分", "long dossier: only the most relevant parts were read";

    // Evidence.
    Supports: "支持", "supports";
    Contradicts: "反驳", "contradicts";
    KindQuote: "引文", "quote";
    KindCount: "计数", "count";
    CheckDiffers: "{own}与 {place} 不符：“{quote}”", "{own}differs from {place}: \"{quote}\"";
    CheckAgrees: "{own}与 {place} 相符：“{quote}”", "{own}agrees with {place}: \"{quote}\"";
    Unfounded: "引用的句子里没有：{numbers}", "in no cited line: {numbers}";
    LinkedByModel: "模型", "model";
    LinkedByHuman: "评审人", "reviewer";
    UsedBy: "用于：{dimensions}", "used by: {dimensions}";
    NotUsed: "未被任何评分引用", "not used by any score";
    Times: "{n} 次", "{n} times";
    Line: "第 {n} 行", "line {n}";
    Row: "第 {n} 条", "row {n}";
    Occurrence: "第 {i} 处，共 {n} 处", "occurrence {i} of {n}";

    // Hints: what a key does, one or two words.
    HintAccept: "采纳", "accept";
    HintOverride: "改分", "override";
    HintHalf: "加半级", "half";
    HintLink: "关联证据", "link";
    HintLinkAgainst: "关联反证", "link against";
    HintDrop: "移除证据", "drop";
    HintNote: "批注", "note";
    HintBlind: "盲评", "blind";
    HintUndo: "撤销", "undo";
    HintSignOff: "签署", "sign off";
    HintFind: "查找", "find";
    HintCommand: "命令", "command";
    HintHelp: "帮助", "help";
    HintQueue: "队列", "queue";
    HintQuit: "退出", "quit";
    HintClose: "关闭", "close";
    HintSelect: "选取", "select";
    HintOpen: "打开", "open";
    HintPane: "切换窗格", "pane";
    HintProfile: "画像", "profile";
    HintSkip: "跳过", "skip";
    HintLeftBetter: "左侧更好", "left better";
    HintRightBetter: "右侧更好", "right better";
    HintTie: "相当", "tie";
    HintRewrite: "改写", "rewrite";
    HintConfirm: "确认", "confirm";
    HintSort: "排序", "sort";
    HintFilter: "筛选", "filter";
    HintExport: "导出", "export";
    HintCopy: "复制", "copy";
    HintRun: "执行", "run";
    HintPutLive: "正式启用", "put live";
    HintCalibration: "评分校准", "calibration";
    HintAdapters: "适配器", "adapters";

    // The reason picker.
    ReasonTitle: "为什么改分？（回车跳过）", "Why? (Enter skips)";
    ReasonDropTitle: "为什么移除这条证据？（回车跳过）", "Why drop this link? (Enter skips)";
    ReasonEvidenceMissing: "遗漏了证据", "evidence missing";
    ReasonEvidenceMisread: "误读了证据", "evidence misread";
    ReasonEvidenceUnrelated: "证据与此维度或此人无关", "evidence unrelated";
    ReasonSelfClaimOnly: "只有本人自述，缺少佐证", "self-claim only";
    ReasonCountedTwice: "同一事实重复计算", "counted twice";
    ReasonLevelTooHigh: "证据属实，等级偏高", "level too high";
    ReasonLevelTooLow: "证据属实，等级偏低", "level too low";
    ReasonOneEvent: "以偏概全，过分看重单一事件", "one event weighs too much";
    ReasonRecency: "只看近期表现", "only the last weeks count";
    ReasonRoleExpectation: "未考虑岗位或职级要求", "role or grade ignored";
    ReasonTone: "受措辞影响，缺少事实", "tone, not facts";
    ReasonOutsideKnowledge: "依据材料之外的了解", "outside knowledge";
    ReasonOther: "其他（自行填写）", "other (in your own words)";

    // Prompts of input lines.
    AskNote: "批注内容", "Note";
    AskReason: "理由", "Reason";
    AskFind: "查找", "Find";
    AskSignOffNote: "签署备注（可留空）", "Note for the record (may be empty)";
    AskExportPath: "导出到文件", "Export to file";

    // Messages.
    Saving: "正在保存……", "saving...";
    SavedRecord: "已保存 #{record} {hash}", "saved #{record} {hash}";
    SaveFailed: "未能保存：{reason}。此后不再写入，请检查磁盘后重新打开", "not saved: {reason}; nothing more is written: see to the disk and open it again";
    RecordRefused: "未能保存：{reason}。其他记录照常保存", "not saved: {reason}; other records still are";
    RefusedRereads: "未能保存：{reason}。档案已重新读取，请核对后再试", "not saved: {reason}; the dossier is read again: look and decide once more";
    RefusedReopen: "未能保存：{reason}。请重新打开这份档案", "not saved: {reason}; open the dossier again to go on";
    Undone: "已撤销 #{record}", "undone #{record}";
    NothingToUndo: "没有可撤销的操作", "nothing to undo";
    Accepted: "已采纳「{dimension}」{score}", "accepted {dimension} at {score}";
    Overridden: "「{dimension}」由 {from} 改为 {to}", "{dimension} changed from {from} to {to}";
    ScoredByHand: "「{dimension}」人工评分 {score}", "{dimension} scored {score} by hand";
    LinkAdded: "已关联 {place}", "linked {place}";
    LinkDropped: "已移除 {place}", "dropped {place}";
    NoteAdded: "已添加批注", "note added";
    Revealed: "已揭示模型评分，并记录在案", "model revealed; this is on record";
    BlindOn: "盲评开启：给出分数后才显示模型评分", "blind first: score before you see the model";
    BlindOff: "盲评关闭", "blind first is off";
    SignedOff: "已签署，本档案不再改动", "signed off; this dossier is closed";
    ReadOnly: "只读：不能改动", "read-only: nothing can be changed";
    NotYetScored: "模型尚未评完这一维度，可直接用 1 到 5 评分", "the model has not finished here; 1-5 scores by hand";
    NothingToAccept: "没有可采纳的模型评分", "no model score to accept";
    SelectFirst: "请先选取一段原文", "select some text first";
    AlreadyLinked: "这一处已关联", "already linked here";
    Undecided: "还有 {n} 个维度未裁定", "dimensions still undecided: {n}";
    Copied: "已复制", "copied";
    Exported: "已导出到 {path}", "exported to {path}";
    ExportFailed: "导出失败：{reason}", "export failed: {reason}";
    KeyUnbound: "此处 {key} 没有作用", "{key} does nothing here";
    FoundMatch: "第 {i} 处，共 {n} 处", "match {i} of {n}";
    FindWrapped: "已回到开头", "search wrapped";
    AdapterGoesLive: "正在启用 {name}……", "putting {name} live...";
    AdapterTaken: "正在换用 {name}……", "taking {name} into use...";
    AdapterWentLive: "今后由 {name} 评分，已记录 #{record}", "scores come from {name} from here on, record #{record}";
    AdapterIsWorn: "今后由 {name} 评分", "scores come from {name} from here on";
    AdapterNotWorn: "未能正式启用，一切照旧：{reason}", "not put live, nothing has changed: {reason}";
    AdapterIsLive: "已正式启用", "it is live already";
    MouseOff: "鼠标已关闭", "mouse off";
    MouseOn: "鼠标已开启", "mouse on";

    // When the terminal is too small.
    TooSmall: "终端太小", "The terminal is too small";
    TooSmallNeed: "需要至少 {need}，现在是 {have}", "needs {need}, has {have}";
    TooSmallHow: "请放大窗口或缩小字号；按 q 退出", "Enlarge the window or shrink the font; q quits";

    // Confirmations.
    ConfirmSignOffTitle: "签署这份档案？", "Sign off this dossier?";
    ConfirmSignOffBody: "签署后分数即为定稿，并以您的名义记录。", "The scores become final and are recorded under your name.";
    ConfirmOverwrite: "文件 {path} 已存在，覆盖吗？", "{path} exists. Overwrite it?";
    ConfirmPutLive: "今后由 {name} 评分，并以您的名义记录。", "Scores will come from {name}, and that is recorded under your name.";
    ConfirmPutLiveTitle: "正式启用？", "Put it live?";
    ConfirmPutLiveWorst: "检验中最差的一项：{figure}，{finding}", "The worst that the gate found: {figure}, {finding}";
    Yes: "是", "yes";
    No: "否", "no";

    // The review screen.
    StateByHand: "人工评分", "by hand";
    StateUnscored: "未评", "not scored";
    StateNeedsHumanShort: "待人工", "check it";
    StateFailedShort: "评分失败", "failed";
    DecidedOf: "已裁定 {done}/{total}", "{done}/{total} decided";
    Opening: "正在打开 {name}", "opening {name}";
    LoadingModelPart: "正在载入模型 {percent}%", "loading the model {percent}%";
    ReadOnlyShort: "只读", "read-only";
    DroppedLinks: "已移除的证据", "Dropped evidence";
    PendingScore: "「{dimension}」改为 {score}", "{dimension} to {score}";
    UndoneLast: "已撤销上一条记录", "last record undone";
    NotALevel: "分数只能是 1 到 5，可带半级", "a score is 1 to 5, in halves";
    NoSuchLink: "这条证据已不在", "this link is gone";
    NothingToDrop: "请先选中一条证据", "select a piece of evidence first";
    AlreadySignedOff: "已签署：先撤销签署才能改动", "signed off: undo the sign-off first";
    PlaceGone: "材料已变，找不到这一处", "the dossier has changed: this place is gone";
    AllDecided: "全部维度都已裁定，可以签署", "every dimension is decided: sign off";
    NoMoreDossiers: "没有更多档案", "no more dossiers";
    NothingSought: "还没有查找过", "nothing searched for yet";
    NotHere: "此处不能执行", "not possible here";
    ThemeIs: "主题：{name}", "theme: {name}";
    PaletteSearch: "命令、维度、材料、员工", "command, dimension, source, person";

    // The queue.
    QueueSubject: "员工", "Employee";
    QueueRole: "岗位", "Role";
    QueueCycle: "周期", "Cycle";
    QueueProgress: "进度", "Progress";
    QueueDoubts: "待判", "Doubts";
    QueueGap: "分歧", "Gap";
    QueueSpread: "离散", "Spread";
    StateToSign: "待签署", "to sign off";
    StateStarted: "进行中", "in progress";
    StateUnread: "未开始", "not begun";
    QueueState: "状态", "State";
    QueueSummary: "共 {n} 份，已签署 {done} 份", "{done} of {n} signed off";
    SortByUrgency: "按待办程度", "most urgent first";
    SortByName: "按姓名", "by name";
    SortByProgress: "按进度", "by progress";
    SortByDisagreement: "按分歧", "by disagreement";
    FilterAll: "全部", "all";
    FilterOpen: "未完成", "open";
    FilterNeedsHuman: "待人工判断", "needs a human";
    FilterSignedOff: "已签署", "signed off";

    // The profile, on screen and in reports.
    ProfileTitle: "{name} 的绩效画像", "Performance profile of {name}";
    ProfileModel: "模型", "model";
    ProfileHuman: "评审人", "reviewer";
    ProfileBoth: "两者一致", "both";
    ProfileModelScore: "模型评分", "Model";
    ProfileHumanScore: "评审评分", "Reviewer";
    ProfileSpread: "模型离散度", "model's spread";
    ProfileScores: "各维度评分", "Scores by dimension";
    ProfileDimension: "维度", "Dimension";
    ProfileWhere: "分数从哪里来", "Where the scores come from";
    ProfilePlan: "发展计划", "Development plan";
    ProfilePlanNone: "各维度均达到预期，保持即可。", "Every dimension meets the expectation: keep it up.";
    ProfilePlanSoFar: "已评的维度均达到预期；其余维度评分后再定。", "Every dimension scored so far meets the expectation; the others come with their scores.";
    ProfilePlanUnscored: "各维度尚未评分，评分后给出计划。", "Nothing is scored yet: the plan comes with the scores.";
    ProfilePlanNow: "现在：{anchor}", "Now: {anchor}";
    ProfilePlanNext: "下一级 {level}：{anchor}", "Next level {level}: {anchor}";
    ProfilePlanStep: "下一步", "Next step";
    ProfileTrend: "历次周期", "Earlier cycles";
    ProfileStrengths: "优势", "Strengths";
    ProfileToDevelop: "待发展", "To develop";
    ProfileRole: "岗位", "Role";
    ProfileLevel: "职级", "Grade";
    ProfileCycle: "评审周期", "Review cycle";
    ProfileRubric: "量规", "Rubric";
    ProfileReviewer: "评审人", "Reviewer";
    ProfileEvidenceModel: "评分模型", "Scored by";
    ProfileNotScored: "未评分", "not scored";
    ProfileSaidTimes: "本人说“{term}” {n} 次", "\"{term}\" said {n} times";
    ProfileOccursTimes: "“{term}”出现 {n} 次", "\"{term}\" occurs {n} times";
    ProfileChecks: "自述与材料核对", "Claims against the other sources";
    ProfileChecksSum: "核对 {n} 条：{supported} 条有佐证，{contradicted} 条不符，{missing} 条未见提及", "{n} checked: {supported} supported, {contradicted} contradicted, {missing} not found";
    ProfileCheckEnds: "{claim}；对照：{other}", "{claim}; beside {other}";
    ProfileFootnote: "模型只提出建议，分数由人裁定。每个分数都可追溯到原文。", "The model proposes, people decide. Every score leads back to its sources.";
    ProfileSignedOff: "签署时间", "Signed off";
    ProfileOpen: "尚未签署", "not signed off yet";
    ProfileMeaning: "等级含义", "What the level means";
    ProfileRemark: "评审说明", "Reviewer's remark";
    ProfileChange: "变化", "Change";
    ProfileQuote: "“{quote}”", "\"{quote}\"";
    ProfileOrigin: "{source}，{at}：{claim}", "{source}, {at}: {claim}";

    // A label and what belongs to it.
    Labelled: "{label}：{text}", "{label}: {text}";

    // Help.
    HelpMoving: "移动", "Moving";
    HelpDeciding: "裁定", "Deciding";
    HelpEvidence: "证据", "Evidence";
    HelpFinding: "查找", "Finding";
    HelpViews: "视图", "Views";
    HelpGeneral: "通用", "General";
    HelpSearch: "输入文字筛选按键，回车执行", "type to filter, Enter runs the row";

    // The header.
    HeaderReviewer: "{name}（评审人）", "{name} (reviewer)";
    HeaderAuditor: "{name}（审计，只读）", "{name} (auditor, read-only)";
    HeaderBlind: "盲评", "blind";
    HeaderReadOnly: "只读", "read-only";
    HeaderNoModel: "无模型", "no model";
}
