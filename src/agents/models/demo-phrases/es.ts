import type { Phrases } from "./phrases.ts";

export const es: Phrases = {
  hello: {
    banker: "Buenos días. Permítame repasar su cartera con usted.",
    captain: "¡Ah del barco! Veamos qué llevas en la bodega.",
    grandmother: "Siéntate, cariño, y enséñame tu dinero.",
    coach: "Escucha bien. Así vamos.",
  },
  bye: {
    banker: "Quedo a su disposición.",
    captain: "Buen viento, y cuida el lastre.",
    grandmother: "Y ahora come algo.",
    coach: "Puedes hacerlo. ¡Al campo!",
  },
  kinds: {
    ...{ stock: "acciones", fund: "fondos", bond: "bonos", cash: "efectivo", crypto: "cripto", metal: "metales" },
    ...{ property: "inmuebles", other: "otros activos" },
  },
  sample:
    "Antes que nada: soy un modelo de demostración y no puedo ver imágenes. He tomado una cartera inventada como ejemplo; las cifras no son las de la imagen.",
  ask: "No encuentro activos en el mensaje. Basta una frase, una lista o una tabla, por ejemplo: AAPL 10 a 180, ahora 210; 5000 EUR en efectivo; 30% bonos.",
  worth: (total, holdings) => `La cartera vale unos ${total} y tiene ${holdings} posiciones.`,
  unvalued: "Veo qué hay en la cartera, pero no cuánto vale. Con precios o importes puedo ponderarla.",
  shares: (holdings) => `Conozco el porcentaje de ${holdings} posiciones, pero ningún importe.`,
  largest: (about, weight) => `La mayor es ${about}, con el ${weight} del total.`,
  risk: (level, effective) =>
    `El riesgo es **${level}**. El dinero está repartido como si fueran ${effective} posiciones iguales.`,
  levels: { low: "bajo", medium: "moderado", high: "alto" },
  concerns: {
    single_holding: (about, weight) => `El ${weight} está solo en ${about}: lo que pase ahí le pasa a toda la cartera.`,
    few_holdings: () => "Son pocas posiciones, así que cada una pesa mucho.",
    volatile: (about, weight) => `El ${weight} está en ${about}, y pocas cosas oscilan tanto.`,
    no_reserve: () => "Apenas hay efectivo para un apuro.",
    idle_cash: (_, weight) => `El efectivo supone el ${weight}, y la inflación se lo va comiendo.`,
  },
  result: (invested, value, gain, percent) =>
    `Donde conozco los dos precios, se pagaron ${invested} y ahora son ${value}: ${gain}, es decir, ${percent}.`,
  noResult: "No puedo decir cómo ha ido: faltan los precios de compra y los de hoy.",
  remarks: {
    helps: (about, percent) => `${about} es lo que más ha ayudado, con ${percent}.`,
    hurts: (about, percent) => `${about} ha frenado el resultado, con ${percent}.`,
    unknown: (about) => `De ${about} falta algún precio.`,
  },
  consider: {
    banker: "Si me lo permite, yo consideraría lo siguiente:",
    captain: "Si yo llevara tu timón:",
    grandmother: "Si me preguntas a mí:",
    coach: "Para la segunda parte:",
  },
  actions: {
    reduce: (about) => `Reducir ${about} poco a poco.`,
    increase: (about) => `Aumentar ${about} hasta cubrir unos tres meses de gastos.`,
    diversify: () => "Repartir más, por ejemplo con un fondo indexado amplio.",
    review: (about) => `Añadir los precios de hoy de ${about} y volver a preguntar.`,
    hold: () => "Dejarlo como está y volver a mirar dentro de medio año.",
  },
  assumptions: {
    valued_at_cost: (about) => `He contado ${about} a precio de compra.`,
    rough_exchange_rates: (about) => `He convertido ${about} a un cambio aproximado.`,
    not_valued: (about) => `He dejado fuera ${about}, porque no conozco su valor.`,
  },
  disclaimer: "Esto no es asesoramiento financiero.",
};
