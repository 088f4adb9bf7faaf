import type { Phrases } from "./phrases.ts";

export const de: Phrases = {
  hello: {
    banker: "Guten Tag. Gehen wir Ihr Depot gemeinsam durch.",
    captain: "Ahoi! Mal sehen, was du im Laderaum hast.",
    grandmother: "Setz dich, Kind, und zeig mir dein Geld.",
    coach: "Zuhören! So stehen wir da.",
  },
  bye: {
    banker: "Ich bleibe gern zu Ihren Diensten.",
    captain: "Immer eine Handbreit Wasser unter dem Kiel.",
    grandmother: "Und jetzt iss etwas.",
    coach: "Das schaffst du. Raus mit dir.",
  },
  kinds: {
    ...{ stock: "Aktien", fund: "Fonds", bond: "Anleihen", cash: "Bargeld", crypto: "Krypto", metal: "Edelmetalle" },
    ...{ property: "Immobilien", other: "Sonstiges" },
  },
  sample:
    "Eines vorweg: Ich bin ein Demomodell und kann keine Bilder sehen. Ich habe deshalb ein erfundenes Beispiel genommen; die Zahlen sind nicht die aus dem Bild.",
  ask: "In der Nachricht habe ich keine Bestände gefunden. Ein Satz, eine Liste oder eine Tabelle genügt, etwa: AAPL 10 zu 180, jetzt 210; 5000 EUR Bargeld; 30% Anleihen.",
  worth: (total, holdings) => `Das Depot ist etwa ${total} wert und besteht aus ${holdings} Positionen.`,
  unvalued:
    "Ich sehe, was im Depot liegt, aber nicht, was es wert ist. Mit Kursen oder Beträgen kann ich es gewichten.",
  shares: (holdings) => `Bekannt sind die Anteile von ${holdings} Positionen, aber keine Beträge.`,
  largest: (about, weight) => `Die größte ist ${about} mit ${weight} des Ganzen.`,
  risk: (level, effective) =>
    `Das Risiko ist **${level}**. Das Geld ist so verteilt, als wären es ${effective} gleich große Positionen.`,
  levels: { low: "gering", medium: "mittel", high: "hoch" },
  concerns: {
    single_holding: (about, weight) =>
      `Allein auf ${about} entfallen ${weight}: Was dort geschieht, trifft das ganze Depot.`,
    few_holdings: () => "Es sind wenige Positionen, deshalb wiegt jede schwer.",
    volatile: (about, weight) => `Auf ${about} entfallen ${weight}, und kaum etwas schwankt so stark.`,
    no_reserve: () => "Es gibt kaum Bargeld für den Fall, dass es schnell gebraucht wird.",
    idle_cash: (_, weight) => `Bargeld macht ${weight} aus, und die Inflation zehrt daran.`,
  },
  result: (invested, value, gain, percent) =>
    `Wo beide Kurse bekannt sind, wurden ${invested} bezahlt, und daraus sind ${value} geworden: ${gain} oder ${percent}.`,
  noResult: "Wie es gelaufen ist, lässt sich nicht sagen: Dafür fehlen Kaufpreise und heutige Kurse.",
  remarks: {
    helps: (about, percent) => `${about} hat am meisten geholfen, mit ${percent}.`,
    hurts: (about, percent) => `${about} hat gebremst, mit ${percent}.`,
    unknown: (about) => `Zu ${about} fehlt ein Kurs.`,
  },
  consider: {
    banker: "Wenn Sie erlauben, gebe ich zu bedenken:",
    captain: "Stünde ich an deinem Ruder:",
    grandmother: "Wenn du mich fragst:",
    coach: "Für die zweite Halbzeit:",
  },
  actions: {
    reduce: (about) => `${about} schrittweise verringern.`,
    increase: (about) => `${about} aufbauen, bis etwa drei Monatsausgaben gedeckt sind.`,
    diversify: () => "Breiter streuen, zum Beispiel mit einem Indexfonds.",
    review: (about) => `Die heutigen Kurse von ${about} nachtragen und noch einmal fragen.`,
    hold: () => "Alles so lassen und in einem halben Jahr wieder hinsehen.",
  },
  assumptions: {
    valued_at_cost: (about) => `${about} habe ich zum Kaufpreis gerechnet.`,
    rough_exchange_rates: (about) => `${about} habe ich mit groben Wechselkursen umgerechnet.`,
    not_valued: (about) => `${about} habe ich weggelassen, weil ich keinen Wert kenne.`,
  },
  disclaimer: "Das ist keine Anlageberatung.",
};
