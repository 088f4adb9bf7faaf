import type { Phrases } from "./phrases.ts";

export const zh: Phrases = {
  hello: {
    banker: "您好，请允许我为您梳理一下您的投资组合。",
    captain: "啊嗬！让我看看你的货舱里装了什么。",
    grandmother: "孩子，坐下，让奶奶看看你的钱。",
    coach: "听好了，现在的形势是这样的。",
  },
  bye: {
    banker: "随时为您效劳。",
    captain: "祝你一路顺风，记得看好压舱物。",
    grandmother: "好了，快去吃点东西吧。",
    coach: "你能行的，上场吧！",
  },
  kinds: {
    ...{ stock: "股票", fund: "基金", bond: "债券", cash: "现金", crypto: "加密货币", metal: "贵金属" },
    ...{ property: "房产", other: "其他资产" },
  },
  sample: "先说明一点：我是演示模型，看不到图片，所以用了一个虚构的示例组合，下面的数字并不是您图片里的。",
  ask: "我在您的消息里没有找到持仓。请用一句话、一个列表或一张表告诉我，例如：苹果 10 股 成本 180 现价 210；现金 5000 美元；债券 30%。",
  worth: (total, holdings) => `您的组合约值 ${total}，共有 ${holdings} 项资产。`,
  unvalued: "我知道您持有什么，但不知道它们值多少。请告诉我价格或金额，我才能计算占比。",
  shares: (holdings) => `您给出了 ${holdings} 项资产的占比，没有给出金额。`,
  largest: (about, weight) => `最大的一项是${about}，占 ${weight}。`,
  risk: (level, effective) => `风险**${level}**。从分散程度看，相当于 ${effective} 项同样大小的资产。`,
  levels: { low: "较低", medium: "中等", high: "较高" },
  concerns: {
    single_holding: (about, weight) => `${about}一项就占了 ${weight}，它的涨跌就是您的涨跌。`,
    few_holdings: () => "资产项目很少，每一项的影响都很大。",
    volatile: (about, weight) => `${about}占 ${weight}，波动比大多数资产都大。`,
    no_reserve: () => "几乎没有现金可以应急。",
    idle_cash: (_, weight) => `现金占 ${weight}，会慢慢被通货膨胀侵蚀。`,
  },
  result: (invested, value, gain, percent) =>
    `在买入价和现价都知道的部分，您投入了 ${invested}，现在值 ${value}：${gain}，即 ${percent}。`,
  noResult: "我说不出收益如何：还需要知道买入价和现价。",
  remarks: {
    helps: (about, percent) => `${about}贡献最大，${percent}。`,
    hurts: (about, percent) => `${about}拖了后腿，${percent}。`,
    unknown: (about) => `${about}缺少买入价或现价。`,
  },
  consider: {
    banker: "容我建议，您可以考虑：",
    captain: "要是我来掌舵：",
    grandmother: "要我说呢：",
    coach: "下半场这样踢：",
  },
  actions: {
    reduce: (about) => `分步减少${about}。`,
    increase: (about) => `增加${about}，直到够用大约三个月。`,
    diversify: () => "更分散一些，例如买入宽基指数基金。",
    review: (about) => `补上${about}今天的价格，再来问我。`,
    hold: () => "保持不变，半年后再看。",
  },
  assumptions: {
    valued_at_cost: (about) => `我把${about}按买入价计算。`,
    rough_exchange_rates: (about) => `我把${about}按粗略汇率换算。`,
    not_valued: (about) => `${about}没有已知价值，我没有计入。`,
  },
  disclaimer: "以上内容不构成投资建议。",
};
