/** Common words of English that its neighbours do not share ("in", "so", "for", "her" and the like are German, Dutch or Danish too). */
const functionWords = new Set(
  (
    "the of and to that it with his he she they you we is are was were be been being have had having not by from which who whom whose what " +
    "when where why how there this these those their its our my your yours theirs him them would could should can will shall may might " +
    "must does did done said if than then up down out off into onto upon about after before because between through during while any some " +
    "every each both few more most other another such only own same very just like one two three until against again once here too also now " +
    "never ever always often many much little even still yet though although however without within around across toward towards among " +
    "behind beyond above below near since unless whether either neither nor make made go went going came get got take took see saw know " +
    "knew think thought say says look looked want good new first last long great people time day way thing year i'm i'll i've don't " +
    "didn't it's can't won't wasn't isn't couldn't wouldn't you're he's she's that's there's we're they're let's but has at"
  ).split(" "),
);

export const isFunctionWord = (word: string): boolean => functionWords.has(word.toLowerCase().replace("’", "'"));
